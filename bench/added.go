package main

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// addedTime is long enough for many flushes.
const addedTime = 40 * time.Second

// benchAdded measures, in real time, how long a Tweet takes from the server's socket until the output of a Telegraf has
// written it.
func benchAdded(b *bench) error {
	stock, err := b.stock()
	if err != nil {
		return err
	}
	custom, err := env.Custom(b.ctx, b.out)
	if err != nil {
		return err
	}
	b.section("socket to the output, real time, 600 Tweets/s, 2 partitions x 2 connections")
	for _, run := range []struct {
		figure string
		set    telegraf
	}{
		{"delivery_p99_ms", telegraf{binary: stock, batch: 1000, flush: time.Second}},
		{"", telegraf{binary: stock, batch: 100, flush: time.Second}},
		{"", telegraf{binary: stock, batch: 1000, flush: 10 * time.Second}}, // Telegraf's defaults
		{"tracked_p99_ms", telegraf{binary: custom, batch: 1000, flush: time.Second, tracked: true}},
		{"", telegraf{binary: custom, batch: 100, flush: time.Second, tracked: true}},
		{"", telegraf{binary: custom, batch: 1000, flush: 10 * time.Second, tracked: true}},
	} {
		run.set.output = toStdout
		p99, err := b.added(run.set)
		if err != nil {
			return err
		}
		if run.figure != "" {
			b.figure(run.figure, float64(p99)/1e6)
		}
	}
	return nil
}

// added runs one agent.
func (b *bench) added(t telegraf) (p99 time.Duration, err error) {
	l := newLive()
	s, err := newServer(l.serve)
	if err != nil {
		return 0, err
	}
	defer s.close()
	ears := &arrivalsOf{live: l}
	c, err := t.start(b, s.url, 2, ears.hear)
	if err != nil {
		return 0, err
	}
	defer c.kill()
	if err := l.run(addedTime); err != nil {
		return 0, err
	}
	if err := c.all(len(l.sent)); err != nil {
		return 0, err
	}
	if err := c.end(); err != nil {
		return 0, err
	}
	if len(ears.all) < len(l.sent) {
		return 0, fmt.Errorf("%w: %d Tweets sent, %d came out", errDisagree, len(l.sent), len(ears.all))
	}
	all := ears.all[int(latencyWarm.Seconds()*worldRate):]
	p99 = percentile(all, 0.99)
	name := "acknowledged"
	if t.tracked {
		name = "tracked"
	}
	b.line("%-28s p50 %s, p90 %s, p99 %s, max %s; metric_batch_size %d, flush_interval %v", name, millis(percentile(all, 0.5)),
		millis(percentile(all, 0.9)), millis(p99), millis(percentile(all, 1)), t.batch, t.flush)
	return p99, nil
}
