package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// trip is how long an agent and its plugin took for a feed, and the CPU time of each.
type trip struct {
	wall, telegraf, plugin time.Duration
	retries, spooled       int
}

// Feeds of the parts that measure rates.
const (
	longTweets  = 300_000
	shortTweets = 600_000
	rateFlush   = 200 * time.Millisecond
)

// benchAcknowledged measures how fast Tweets go from a socket through the real binary, by HTTP, and through a stock
// Telegraf, until the binary knows that the output has them.
func benchAcknowledged(b *bench) error {
	stock, err := b.stock()
	if err != nil {
		return err
	}
	world, short := b.feeds()
	b.section("acknowledged: stock Telegraf " + env.TelegrafVersion + ", batches of 500, 8 at once")
	set := telegraf{binary: stock, batch: 1000, flush: rateFlush, output: toNull}
	rate, err := b.rate("whole records, outputs.file", set, world)
	if err != nil {
		return err
	}
	b.figure("acknowledged_per_s", rate)
	set.output = toDiscard
	if _, err := b.rate("whole records, discard", set, world); err != nil {
		return err
	}
	set.output = toNull
	if _, err := b.rate("short records, outputs.file", set, short); err != nil {
		return err
	}
	return b.courierAlone(stock)
}

// benchTracked is the same for a Telegraf that the plugin is compiled into.
func benchTracked(b *bench) error {
	custom, err := env.Custom(b.ctx, b.out)
	if err != nil {
		return err
	}
	world, short := b.feeds()
	b.section("tracked: Telegraf " + env.TelegrafVersion + " with the plugin compiled in")
	set := telegraf{binary: custom, batch: 1000, flush: rateFlush, output: toNull, tracked: true}
	rate, err := b.rate("whole records, outputs.file", set, world)
	if err != nil {
		return err
	}
	b.figure("tracked_per_s", rate)
	set.output = toDiscard
	for _, run := range []struct {
		name string
		f    *feed
	}{{"whole records, discard", world}, {"short records, discard", short}} {
		if _, err := b.rate(run.name, set, run.f); err != nil {
			return err
		}
	}
	return nil
}

// stock is a stock Telegraf, and builds the plugin, too.
func (b *bench) stock() (string, error) {
	if _, err := b.product(); err != nil {
		return "", err
	}
	return env.Telegraf(b.ctx, b.out)
}

// feeds are made at the moment: the plugin judges ids by the clock.
func (b *bench) feeds() (world, short *feed) {
	n, m := longTweets, shortTweets
	if b.quick {
		n, m = n/5, m/5
	}
	now := time.Now()
	return newFeed(n, now), newShortFeed(m, now)
}

// rate is the median of some trips, in Tweets a second.
func (b *bench) rate(name string, t telegraf, f *feed) (float64, error) {
	var rates, tele, plug []float64
	retries, spooled := 0, 0
	for range b.trips() {
		p, err := b.trip(t, f.again())
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		rates = append(rates, float64(f.tweets)/p.wall.Seconds())
		tele, plug = append(tele, perRecord(p.telegraf, f.tweets)), append(plug, perRecord(p.plugin, f.tweets))
		retries, spooled = retries+p.retries, max(spooled, p.spooled)
	}
	cpu := fmt.Sprintf("CPU %.1f us a Tweet in Telegraf", median(tele))
	if !t.tracked {
		cpu += fmt.Sprintf(", %.1f us in the plugin", median(plug))
	}
	b.line("%-28s %8.0f Tweets/s (%.0f to %.0f); %s; %d batches again, %d Tweets in the spool at most", name,
		median(rates), slices.Min(rates), slices.Max(rates), cpu, retries, spooled)
	return median(rates), nil
}

func (b *bench) trips() int {
	if b.quick {
		return 1
	}
	return 3
}

// trip runs an agent until the plugin knows that all of the feed was delivered.
func (b *bench) trip(t telegraf, f *feed) (*trip, error) {
	s, err := newServer(f.serve)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var heard counters
	c, err := t.start(b, s.url, 1, heard.hear)
	if err != nil {
		return nil, err
	}
	defer c.kill()
	var at time.Time
	if err := c.until(fmt.Sprintf("%d Tweets to be delivered", f.tweets), childLimit, func() (ok bool) {
		at, ok = heard.delivered(f.tweets)
		return ok
	}); err != nil {
		return nil, err
	}
	p := &trip{wall: at.Sub(time.Unix(0, f.begun.Load())), retries: heard.retries, spooled: heard.spooled}
	p.telegraf, p.plugin = cpuOf(c.cmd.Process.Pid)
	if heard.emitted != f.tweets {
		return nil, fmt.Errorf("%w: %d Tweets emitted of %d", errDisagree, heard.emitted, f.tweets)
	}
	return p, c.end()
}
