package main

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
)

// Settings of the product where Tweets go to stdout, see the plugin's road.go.
const (
	memoryTweets = 5000 // max_undelivered
	stdoutMost   = 1000
	settleAfter  = 10 * time.Second
)

// road is the product's own way out of the engine, to stdout, which is /dev/null here. There is no spool: memory that is
// full holds the engine up.
type road struct {
	tweets *delivery.Delivery
	points *encode.Lines
	null   *os.File
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newRoad() (*road, error) {
	schema, err := encode.NewSchema("bench", nil, nil, encode.Keep)
	if err != nil {
		return nil, err
	}
	r := &road{}
	if r.null, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	writer := encode.NewWriter(r.null)
	r.points = encode.NewLines(nil, writer)
	r.tweets = delivery.New(delivery.Config{Schema: schema, Courier: delivery.Stdout(writer), Slots: 1, Most: stdoutMost,
		MostBytes: encode.FlushBytes, Memory: memoryTweets, SettleAfter: settleAfter})
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.wg.Go(func() { writer.Run(ctx) })
	r.wg.Go(func() { r.tweets.Run(ctx) })
	return r, nil
}

// of has an engine use the road.
func (r *road) of(cfg *engine.Config) {
	cfg.Tweets, cfg.Points, cfg.Delivery = r.tweets, r.points, r.tweets
}

// close ends the road, once the engine has ended.
func (r *road) close() {
	r.cancel()
	r.wg.Wait()
	r.null.Close()
}
