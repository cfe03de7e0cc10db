package delivery

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// Batch is Tweets as line protocol, in the order in which they were added. It has one owner at a time.
type Batch struct {
	Lines    []byte
	Tweets   []spool.Tweet
	Attached any // the courier's own form of the Tweets, see Config.Attach; nil for what comes from the spool, and for parts
}

// tweetBytes is what the manifest of one Tweet takes in memory.
const tweetBytes = 24

// size is what the batch takes in memory, in bytes. The courier's own form of Tweets is counted as twice their lines.
func (b *Batch) size() int {
	n := len(b.Lines)
	if b.Attached != nil {
		n *= 3
	}
	return n + tweetBytes*len(b.Tweets)
}

// Verdict is what became of a batch.
type Verdict uint8

const (
	Accepted Verdict = iota // every output has it
	Later                   // not accepted, or not known: to be sent again
	Refused                 // it will never be accepted as it is: some Tweet of it is at fault
)

// Courier brings batches to the outputs.
type Courier interface {
	// Deliver returns when the batch's fate is known, or when ctx is done (Later). It is called from several
	// goroutines at once. err says why it was not accepted, in one line without credentials. After Accepted the
	// batch must not be touched any more.
	Deliver(ctx context.Context, b *Batch) (v Verdict, err error)
}

// Config of a Delivery.
type Config struct {
	Schema    *encode.Schema
	Courier   Courier
	Attach    func(b *Batch, t *tweet.Tweet) // adds t to b.Attached; nil: nothing is attached
	Slots     int                            // batches in flight at once
	Most      int                            // Tweets of a batch at most; not more than Memory
	MostBytes int                            // bytes of a batch at most, roughly
	Memory    int                            // Tweets in memory at most: in flight, and waiting for a slot
	Bytes     int                            // the same in bytes, save for one batch; 0: no bound but Memory
	// Acknowledged: Accepted means that every output has it. Otherwise it was only written out: what comes from the
	// spool is kept there for SettleAfter more, since what a killed process wrote last may never have been read.
	Acknowledged bool
	SettleAfter  time.Duration
	Confirmed    bool                          // Feedback comes: what Telegraf holds in its buffers has not settled either
	Spool        *spool.Spool                  // nil: none; then a full memory blocks Write
	Past         []spool.Entry                 // what an earlier process left in the spool
	Say          func(level byte, text string) // one line for the operator, 'E', 'W' or 'I'; must not block; nil: nobody listens
}

// Outcome is news of Tweets that were given to Write.
type Outcome struct {
	Safe      int64         // so many more Tweets, in the order in which they were given, need not be fetched again: delivered, or in the spool
	Delivered []ledger.Sent // accepted by all outputs; only where Acknowledged
	Refused   []ledger.Sent // in quarantine
}

func (o *Outcome) empty() bool { return o.Safe == 0 && len(o.Delivered) == 0 && len(o.Refused) == 0 }

// Delivery is the engine's sink of Tweets.
type Delivery struct {
	cfg       Config
	scheduler *scheduler // of Run's goroutine; who waited for ended may read it
	spooler   spooler    // nil: there is no spool
	open      openBatch
	free      chan *Batch // recycled

	offers      chan *offer
	withdrawals chan *offer // offers whose Write waits no more
	stops       chan context.Context
	stopping    sync.Once
	wake        chan struct{}
	answers     chan answer
	jobsDone    chan *job
	outcomes    chan Outcome
	ended       chan struct{} // closed when Run returns

	work context.Context // of deliveries
	halt context.CancelFunc
	wg   sync.WaitGroup

	status atomic.Pointer[Status]
	paused atomic.Bool
	slot   atomic.Bool // one is free
	roomy  atomic.Bool // memory would take a batch
	late   sync.Mutex  // guards scheduler.lates after the end

	effectsOf sync.Mutex
	effects   []feedback.Effect // what Telegraf reported and the scheduler has not applied
}

// New returns a Delivery; nothing is sent before Run.
func New(cfg Config) *Delivery {
	if cfg.Spool == nil {
		return newDelivery(cfg, nil)
	}
	return newDelivery(cfg, cfg.Spool)
}

// maxFree is how many empty batches are kept for reuse.
const maxFree = 16

func newDelivery(cfg Config, s spooler) *Delivery {
	if cfg.Slots < 1 || cfg.Most < 1 || cfg.Memory < cfg.Most || cfg.MostBytes < 1 {
		panic("BUG: delivery without a slot, or with batches of no size, or larger than memory")
	}
	if cfg.Say == nil {
		cfg.Say = func(byte, string) {}
	}
	d := &Delivery{cfg: cfg, spooler: s, free: make(chan *Batch, maxFree),
		offers: make(chan *offer), withdrawals: make(chan *offer), stops: make(chan context.Context, 1), wake: make(chan struct{}, 1),
		answers: make(chan answer, cfg.Slots), jobsDone: make(chan *job, 1), outcomes: make(chan Outcome),
		ended: make(chan struct{})}
	d.work, d.halt = context.WithCancel(context.Background())
	d.scheduler = newScheduler(&d.cfg, s != nil)
	d.scheduler.recycle = d.recycle
	if s != nil {
		d.scheduler.disk.bytes = s.Bytes()
	}
	d.publish()
	return d
}

// Outcomes is where news comes; who calls Write must read it. It is never closed.
func (d *Delivery) Outcomes() <-chan Outcome { return d.outcomes }

// Status may be called from any goroutine.
func (d *Delivery) Status() Status { return *d.status.Load() }

// Pause keeps new deliveries from beginning, or lets them again. Any goroutine may call it.
func (d *Delivery) Pause(on bool) {
	d.paused.Store(on)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
