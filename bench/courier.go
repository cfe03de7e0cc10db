package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/pubsub"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// life is a Delivery that runs, whose news is dropped.
type life struct {
	*delivery.Delivery
	quit   chan struct{}
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// newLife gives a Delivery the product's settings.
func newLife(c delivery.Courier, s *spool.Spool, past []spool.Entry) (*life, error) {
	schema, err := encode.NewSchema("bench", nil, nil, encode.Keep)
	if err != nil {
		return nil, err
	}
	cfg := delivery.Config{Schema: schema, Memory: app.MaxUndelivered, Spool: s, Past: past}
	app.Acknowledged{Courier: c, Slots: app.PushConcurrency, Batch: app.PushBatch}.Fill(&cfg)
	d := &life{quit: make(chan struct{}), Delivery: delivery.New(cfg)}
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.wg.Go(func() { d.Run(ctx) })
	d.wg.Go(func() { // ends with close
		for {
			select {
			case <-d.Outcomes():
			case <-d.quit:
				return
			}
		}
	})
	return d, nil
}

// close ends it at once.
func (d *life) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = d.Stop(ctx) // what is left is of no use
	d.cancel()
	close(d.quit)
	d.wg.Wait()
}

// pour adds so many Tweets, those of the corpus again and again, each with an id of its own.
func (d *life) pour(ctx context.Context, tweets []tweet.Tweet, n int) error {
	first := snowflake.First(time.Now().UnixMilli())
	for i := range n {
		t := tweets[i%len(tweets)]
		t.ID = first + snowflake.ID(i)
		d.AddTweet(&t, 1)
		if i == n-1 || d.Due(0) {
			if err := d.Write(ctx, d.Take()); err != nil {
				return err
			}
		}
	}
	return nil
}

// untilDelivered waits until nothing is left to be delivered.
func (d *life) untilDelivered(ctx context.Context) error {
	every := time.NewTicker(time.Millisecond)
	defer every.Stop()
	for d.Status().Undelivered > 0 {
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d Tweets to be delivered: %w", d.Status().Undelivered, errStuck)
		}
	}
	return nil
}

// parsed are the corpus's Tweets.
func (c *corpus) parsed() ([]tweet.Tweet, error) {
	parser, all := tweet.NewParser(false), make([]tweet.Tweet, len(c.records)) // never reset: their texts stay
	for i, rec := range c.records {
		if err := parser.Parse(rec, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// courierAlone has this process deliver parsed Tweets: all of the way but what leads to it.
func (b *bench) courierAlone(stock string) error {
	tweets, err := b.corpus.parsed()
	if err != nil {
		return err
	}
	var rates, ours, theirs []float64
	for range b.trips() {
		p, err := b.courierTrip(stock, tweets, longTweets)
		if err != nil {
			return err
		}
		rates = append(rates, longTweets/p.wall.Seconds())
		ours, theirs = append(ours, perRecord(p.plugin, longTweets)), append(theirs, perRecord(p.telegraf, longTweets))
	}
	b.line("%-28s %8.0f Tweets/s (%.0f to %.0f); CPU %.1f us a Tweet in Telegraf, %.1f us here", "delivery and courier alone",
		median(rates), slices.Min(rates), slices.Max(rates), median(theirs), median(ours))
	b.figure("courier_per_s", median(rates))
	return nil
}

func (b *bench) courierTrip(stock string, tweets []tweet.Tweet, n int) (*trip, error) {
	ctx, cancel := context.WithTimeout(b.ctx, childLimit)
	defer cancel()
	c, courier, err := b.pushTarget(stock)
	if err != nil {
		return nil, err
	}
	defer c.kill()
	for courier.Check(ctx) != nil { // until it listens
		if ctx.Err() != nil {
			return nil, fmt.Errorf("wait for Telegraf to listen: %w: %s", errStuck, c.said())
		}
		time.Sleep(10 * time.Millisecond)
	}
	d, err := newLife(courier, nil, nil)
	if err != nil {
		return nil, err
	}
	defer d.close()
	start, used := time.Now(), cpuTime()
	before, _ := cpuOf(c.cmd.Process.Pid)
	if err := d.pour(ctx, tweets, n); err != nil {
		return nil, err
	}
	if err := d.untilDelivered(ctx); err != nil {
		return nil, err
	}
	p := &trip{wall: time.Since(start), plugin: cpuTime() - used}
	after, _ := cpuOf(c.cmd.Process.Pid)
	p.telegraf = after - before
	return p, c.end()
}

// pushTarget is a stock Telegraf that takes Tweets, and the courier to it.
func (b *bench) pushTarget(stock string) (*child, *pubsub.Courier, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	conf := filepath.Join(b.dir, "telegraf.conf")
	err = os.WriteFile(conf, []byte(fmt.Sprintf(deliveryHead, 1000, rateFlush, toNull)+fmt.Sprintf(pushInput, address)), 0o600)
	if err != nil {
		return nil, nil, err
	}
	c, err := startChild(tweetMark, nil, stock, "--config", conf)
	if err != nil {
		return nil, nil, err
	}
	return c, pubsub.New(pubsub.Config{URL: "http://" + address + "/decahose", Client: pubsub.NewClient(nil, app.PushTimeout, app.PushConcurrency),
		Token: func() (string, error) { return "bench", nil }}), nil
}
