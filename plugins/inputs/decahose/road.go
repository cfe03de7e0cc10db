package decahose

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/influxdata/telegraf"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/pubsub"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
)

const (
	// settleAfter is how long what was written to stdout stays in the spool: a killed process may have written what
	// was never read.
	settleAfter = 10 * time.Second
	// stdoutMost and trackedMost bound the Tweets that are written, or whose delivery is told, at once.
	stdoutMost  = 1000
	trackedMost = 500
	// pushBytes bounds the body of a POST, base64 apart.
	pushBytes = 8 << 20
)

// hosted reports whether telegraf-decahose runs us; otherwise we are compiled into a Telegraf.
func (d *Decahose) hosted() bool { return d.writer != nil || d.drained != nil }

// Acknowledges reports whether the option delivery says so.
func (d *Decahose) Acknowledges() bool { return d.Delivery == "acknowledged" }

// acknowledged reports whether a Tweet counts as delivered only when every output has accepted it.
func (d *Decahose) acknowledged() bool { return d.Acknowledges() || !d.hosted() }

// EmitTo writes Tweets and counters to w as line protocol, rather than to Start's accumulator. For the host, before
// Start.
func (d *Decahose) EmitTo(w *encode.Writer) { d.writer = w }

// openRoad sets how Tweets and counters leave. entries are what the spool holds.
func (d *Decahose) openRoad(cfg *engine.Config, acc telegraf.Accumulator, entries []spool.Entry) error {
	cfg.Points = d.pointsTo(acc)
	if d.offline {
		cfg.Tweets = encode.NewLines(d.schema, d.writer)
		return nil
	}
	c := delivery.Config{Schema: d.schema, Memory: d.MaxUndelivered, Bytes: d.undeliveredBytes(), Acknowledged: d.acknowledged(), SettleAfter: settleAfter,
		Spool: d.spool, Past: entries, Say: d.say,
		Confirmed: d.Feedback != nil && !d.acknowledged()}
	if err := d.chooseCourier(&c, acc); err != nil {
		return err
	}
	d.road = delivery.New(c)
	if d.tracked != nil {
		d.tracked.late = d.deliveredLate(d.road)
	}
	cfg.Tweets, cfg.Delivery = d.road, d.road
	cfg.Core.Acknowledged, cfg.Core.Feedback = c.Acknowledged, d.Feedback != nil && !c.Acknowledged
	if c.Acknowledged {
		cfg.Drained = nil // what is not acknowledged is in the spool
	}
	return nil
}

const (
	// bytesEach is what each Tweet of max_undelivered may take in memory, on average: raw ones, which are the longest,
	// take 5 to 7 KB.
	bytesEach = 8 << 10
	// bytesLeast lets a few of the longest wait where max_undelivered is small.
	bytesLeast = 8 << 20
)

// undeliveredBytes bounds in bytes what max_undelivered bounds in Tweets.
func (d *Decahose) undeliveredBytes() int { return max(bytesLeast, d.MaxUndelivered*bytesEach) }

// deliveredLate takes batches out of the spool that the outputs accepted after our Stop. The next process sees by that
// that they were delivered.
func (d *Decahose) deliveredLate(road *delivery.Delivery) func(*delivery.Batch) {
	return func(b *delivery.Batch) {
		if _, err := road.Late(b); err != nil {
			d.Log.Warnf("Stream %s: %d Tweets were delivered and will be sent again: %v", d.StreamLabel, len(b.Tweets), err)
		}
	}
}

func (d *Decahose) pointsTo(acc telegraf.Accumulator) encode.Points {
	if d.writer != nil {
		return guardedPoints{encode.NewLines(nil, d.writer)}
	}
	return guardedPoints{&accumulatorPoints{acc: acc}}
}

// chooseCourier by the option delivery and by who runs us.
func (d *Decahose) chooseCourier(c *delivery.Config, acc telegraf.Accumulator) error {
	switch {
	case d.Acknowledges():
		courier, err := d.pusher()
		c.Courier, c.Slots, c.Most, c.MostBytes = courier, d.Push.Concurrency, d.Push.Batch, pushBytes
		return err
	case d.writer != nil:
		c.Courier = delivery.Stdout(d.writer)
		if d.EmitRateLimit > 0 {
			c.Courier = delivery.Paced(c.Courier, d.EmitRateLimit)
		}
		c.Slots, c.Most, c.MostBytes = 1, min(stdoutMost, d.MaxUndelivered), encode.FlushBytes
	default:
		c.Most = min(trackedMost, d.MaxUndelivered)
		c.Slots, c.MostBytes = max(1, d.MaxUndelivered/c.Most), pushBytes
		d.tracked = newTracked(acc, d.schema, c.Slots)
		d.tracked.rejected = d.rejected()
		c.Courier, c.Attach = d.tracked, d.tracked.Attach
	}
	return nil
}

func (d *Decahose) pusher() (*pubsub.Courier, error) {
	if _, err := d.Push.TLSConfig(); err != nil {
		return nil, fmt.Errorf("option \"push\": %w", err)
	}
	client := pubsub.NewClient(func() (*tls.Config, error) { return d.Push.tlsOptions().latest(d.Push.kept) }, time.Duration(d.Push.Timeout), d.Push.Concurrency)
	return pubsub.New(pubsub.Config{URL: d.Push.URL, Token: d.Push.token, Client: client, Say: d.say, Peer: func(c net.Conn) error {
		return loopback.Server(c, trusted(d.Push.User)...)
	}}), nil
}

func (d *Decahose) say(level byte, text string) {
	d.note(core.Note{Level: core.Level(level), Text: text})
}
