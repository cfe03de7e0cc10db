// Package engine owns the goroutines of one stream: it carries out what the core says, in the
// core's order, and decides nothing.
package engine

import (
	"context"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/emit"
	"github.com/decahose/telegraf-decahose/internal/stream"
)

// Listener is the one seam for logs and tests; nil funcs are skipped. Called on the engine's goroutine.
type Listener struct {
	Note func(core.Note)
	// Stepped hears each event and what the core made of it, before it is carried out.
	Stepped func(now time.Time, ev core.Event, out *core.Ready)
}

// Config of one engine.
type Config struct {
	Core     core.Config
	Clients  []*stream.Client                     // one per route; connection k takes k mod len
	URL      func(partition, backfill int) string // of the realtime stream; backfill in minutes, 0: none
	Sink     emit.Sink
	Listener Listener
	// DrainTimeout bounds the time from the end of ctx to Run's return, also when the sink is
	// blocked; 0 means 3 s.
	DrainTimeout time.Duration
}

// Engine runs one stream. Create with New, run once.
type Engine struct {
	cfg     Config
	polls   chan struct{}
	samples chan chan []core.Sample
}

// New returns an engine; it starts nothing.
func New(cfg Config) *Engine {
	if cfg.DrainTimeout == 0 {
		cfg.DrainTimeout = 3 * time.Second
	}
	return &Engine{cfg: cfg, polls: make(chan struct{}, 1), samples: make(chan chan []core.Sample)}
}

// Poll asks for the counters to be emitted now. It never blocks and may be called from any goroutine;
// polls that come faster than they are served are one.
func (e *Engine) Poll() {
	select {
	case e.polls <- struct{}{}:
	default:
	}
}

// Quarantined returns the last malformed records' beginnings, for the operator; nil when the engine
// does not run.
func (e *Engine) Quarantined(ctx context.Context) []core.Sample {
	reply := make(chan []core.Sample, 1)
	select {
	case e.samples <- reply:
		return <-reply
	case <-ctx.Done():
		return nil
	}
}

// Run works until ctx is done, then closes the connections, emits everything received, emits the
// counters once more, and returns; at most DrainTimeout after ctx. An error says what was not written.
func (e *Engine) Run(ctx context.Context) error {
	r := newRun(e)
	defer r.close()
	r.step(core.Event{Kind: core.Tick})
	for r.err == nil && ctx.Err() == nil {
		r.turn(ctx.Done())
	}
	if r.err != nil {
		return r.err
	}
	return r.drain()
}
