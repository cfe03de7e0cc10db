package decahose

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/influxdata/telegraf"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/pubsub"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// Host is the program that runs the input where no Telegraf has it compiled in. Start reads it.
type Host struct {
	Writer  *encode.Writer             // takes Tweets and counters as line protocol; nil: Start's accumulator takes them
	Drained func(context.Context) bool // waits until the reader of the output has taken everything; nil: what is written was read
	Recover bool                       // no connection to the stream is opened: Tweets that are missing are asked for, and written
}

// hosted reports whether a Host runs us; otherwise we are compiled into a Telegraf.
func (d *Decahose) hosted() bool { return d.Host != nil }

// offline reports whether we only recover what is missing, by hand.
func (d *Decahose) offline() bool { return d.hosted() && d.Host.Recover }

// acknowledges reports whether the option delivery says so.
func (d *Decahose) acknowledges() bool { return d.Delivery == "acknowledged" }

// acknowledged reports whether a Tweet counts as delivered only when every output has accepted it.
func (d *Decahose) acknowledged() bool { return d.acknowledges() || !d.hosted() }

// appConfig is the stream that the options describe. Tweets and counters go to acc, or as the Host says.
func (d *Decahose) appConfig(acc telegraf.Accumulator) (cfg app.Config, err error) {
	cfg = app.Config{Schema: d.schema, Dir: d.StateDir(), SpoolLimit: int64(d.SpoolLimit), Moment: moment,
		MaxUndelivered: d.MaxUndelivered, Feedback: d.Feedback != nil}
	if cfg.Engine, err = d.engineConfig(); err != nil {
		return cfg, err
	}
	cfg.Engine.Points = guardedPoints{&accumulatorPoints{acc: acc}}
	if d.hosted() {
		cfg.Engine.Drained = d.Host.Drained
		if d.Host.Writer != nil {
			cfg.Engine.Points = guardedPoints{encode.NewLines(nil, d.Host.Writer)}
		}
	}
	cfg.Output, err = d.output(acc)
	return cfg, err
}

// output by the option delivery and by who runs us.
func (d *Decahose) output(acc telegraf.Accumulator) (app.Output, error) {
	switch {
	case d.offline():
		return app.Recovered{Writer: d.Host.Writer}, nil
	case d.acknowledges():
		courier, err := d.pusher()
		return app.Acknowledged{Courier: courier, Slots: d.Push.Concurrency, Batch: d.Push.Batch}, err
	case d.hosted() && d.Host.Writer != nil:
		return app.Stdout{Writer: d.Host.Writer, PerSecond: d.EmitRateLimit}, nil
	}
	return app.Tracked{Written: d.hosted(), Courier: func(slots int) app.LateCourier {
		d.tracked = newTracked(acc, d.schema, slots)
		d.tracked.rejected = d.rejected()
		return d.tracked
	}}, nil
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

// stateError is an error of app.New. An *option.Error says that another directory is needed, or another user; any other that
// what is there could not be read now.
func (d *Decahose) stateError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrLocked):
		return option.Bad("state_directory", d.StateDirectory, "one that no other process uses for this stream: "+err.Error())
	case errors.Is(err, store.ErrNewer), errors.Is(err, spool.ErrNewer):
		return option.Bad("state_directory", d.StateDirectory, "one of this version or an older one; nothing was touched: "+err.Error())
	case errors.Is(err, store.ErrPlace):
		return option.Bad("state_directory", d.StateDirectory, "a directory that can be created and written: "+err.Error())
	}
	return fmt.Errorf("%w; nothing was touched", err)
}

func (d *Decahose) say(level byte, text string) {
	d.note(core.Note{Level: core.Level(level), Text: text})
}
