package engine

import (
	"context"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Store keeps the core's state, see internal/state/store. Commit and Orders are called from one goroutine, Load from another.
type Store interface {
	Commit(*ledger.Commit) error
	Orders() ([]ledger.Order, error)
	Bytes() int64
	Load(timeline.Minute, []snowflake.ID) ([]snowflake.ID, error)
}

// Delivery is what brings Tweets to the outputs, see internal/output/delivery.
type Delivery interface {
	Outcomes() <-chan delivery.Outcome
	Status() delivery.Status
	// Behind says that so much waits that nothing should be added that can be had later.
	Behind() bool
	// Feedback takes what Telegraf's reports mean.
	Feedback(e feedback.Effect)
	// Taken says after Stop that the reader of what was written has taken it all.
	Taken() error
	// Stop returns when all is delivered, or in the spool, or, with an error, when ctx is done.
	Stop(ctx context.Context) error
}

// Listener is the one seam for logs and tests; nil funcs are skipped. Called on the engine's goroutine.
type Listener struct {
	Note func(core.Note)
	// Begins hears what the core is given, before its first step.
	Begins func(core.Config)
	// Stepped hears each event and what the core made of it, before it is carried out.
	Stepped func(now time.Time, ev core.Event, out *core.Ready)
}

// Config of one engine.
type Config struct {
	Core     core.Config
	Clients  []*stream.Client                     // one per route; connection k takes k mod len
	URL      func(partition, backfill int) string // of the realtime stream; backfill in minutes, 0: none
	Tweets   encode.Tweets
	Points   encode.Points
	Delivery Delivery // what Tweets is in front of; nil: what Tweets has written is safe, and that is all there is to know
	Listener Listener

	Store      Store                       // nil: memory only
	Requesters []*stream.Client            // of Replay and Recovery, one per route: the next is taken when one fails; none: none are made
	RequestURL func(refill.Request) string // of one request
	Archives   []Archive                   // those of Core.Archives
	// Now is the clock that outages are measured by: it must not step, and should go on while the host is
	// suspended. Nil means time.Now, which does not.
	Now func() time.Time
	// Drained waits until the reader of the sink has taken everything and says whether it has, when ctx is
	// done at the latest. Nil: what is written counts as read.
	Drained func(ctx context.Context) bool
	// OrdersInterval is how often the store is asked for operators' orders; 0 means 1 s.
	OrdersInterval time.Duration

	// DrainTimeout bounds the time from the end of ctx to Run's return, also when the sink is
	// blocked; 0 means 3 s.
	DrainTimeout time.Duration
}

// Engine runs one stream. Create with New, run once.
type Engine struct {
	cfg     Config
	polls   chan struct{}
	reports chan feedback.Report
	points  chan []point.Point
	samples chan chan []core.Sample

	ended chan struct{} // closed when nothing of the run is left

	live budget // of batches of the stream that wait for the core, those that wait for ids included
	old  budget // of those of requests and readings
}

// New returns an engine; it starts nothing.
func New(cfg Config) *Engine {
	if cfg.DrainTimeout == 0 {
		cfg.DrainTimeout = 3 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OrdersInterval == 0 {
		cfg.OrdersInterval = time.Second
	}
	return &Engine{cfg: cfg, polls: make(chan struct{}, 1), reports: make(chan feedback.Report, 64), points: make(chan []point.Point), samples: make(chan chan []core.Sample), ended: make(chan struct{}),
		live: budget{max: maxStreamBytes}, old: budget{max: maxRequestBytes}}
}

// Poll asks for the counters to be emitted now. It never blocks and may be called from any goroutine;
// polls that come faster than they are served are one.
func (e *Engine) Poll() {
	select {
	case e.polls <- struct{}{}:
	default:
	}
}

// Report tells what Telegraf says of an output's buffer. It never blocks and may be called from any goroutine; reports
// that come faster than they are taken are dropped, the next one says it all again.
func (e *Engine) Report(r feedback.Report) {
	select {
	case e.reports <- r:
	default:
	}
}

// Emit has points leave beside the core's own counters, and in their order. It waits for room, and may be called from
// any goroutine; when ctx is done first nothing was taken, and that is the error.
func (e *Engine) Emit(ctx context.Context, points []point.Point) error {
	select {
	case e.points <- points:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Waiting is how many bytes of records wait for the core, and the most that ever did. It may be called from any
// goroutine.
func (e *Engine) Waiting() (now, most int) {
	live, livePeak := e.live.state()
	old, oldPeak := e.old.state()
	return live + old, livePeak + oldPeak
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
// counters once more, and returns; at most DrainTimeout and leaveTimeout after ctx. An error says what was not written. Who
// then still waits for a disk is left behind: until Wait returns he uses what the engine was given.
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

// Wait returns when nothing of a Run that has returned is left.
func (e *Engine) Wait() { <-e.ended }
