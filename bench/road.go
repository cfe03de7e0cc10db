package main

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
)

// road is the product's own stream to stdout, which is /dev/null here. There is no spool: memory that is full holds the
// engine up.
type road struct {
	stream *app.Stream
	null   *os.File
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// newRoad puts a stream together, with its state in dir; empty: there is none.
func newRoad(dir string, cfg engine.Config) (*road, error) {
	schema, err := encode.NewSchema("bench", nil, nil, encode.Keep)
	if err != nil {
		return nil, err
	}
	r := &road{}
	if r.null, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	writer := encode.NewWriter(r.null)
	cfg.Points = encode.NewLines(nil, writer)
	if r.stream, err = app.New(app.Config{Engine: cfg, Schema: schema, Output: app.Stdout{Writer: writer}, Dir: dir}); err != nil {
		return nil, errors.Join(err, r.null.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.wg.Go(func() { writer.Run(ctx) })
	return r, nil
}

// close ends the road, once the stream has ended.
func (r *road) close() {
	r.stream.Close()
	r.cancel()
	r.wg.Wait()
	r.null.Close()
}
