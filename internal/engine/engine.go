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
}

// Config of one engine.
type Config struct {
	Core     core.Config
	Clients  []*stream.Client                     // one per route; connection k takes k mod len
	URL      func(partition, backfill int) string // of the realtime stream; backfill in minutes, 0: none
	Sink     emit.Sink
	Listener Listener
	// DrainTimeout bounds the time from the end of ctx to Run's return, also when the sink is blocked.
	DrainTimeout time.Duration
}

// Engine runs one stream. Create with New, run once.
type Engine struct{ cfg Config }

// New returns an engine; it starts nothing.
func New(cfg Config) *Engine { return &Engine{cfg: cfg} }

// Run works until ctx is done, then closes the connections, emits everything received, emits the
// counters once more, and returns; at most DrainTimeout after ctx. An error says what was not written.
func (e *Engine) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Poll asks for the counters to be emitted now. It never blocks and may be called from any goroutine.
func (e *Engine) Poll() {}
