package oracle

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
)

// process is one life of the plugin's process.
type process struct {
	out   *Outcome
	e     *engine.Engine
	pipe  *pipe
	state *store.Store
	spool *spool.Spool

	acknowledged bool // the pipe is what stores have: nothing of it is lost
	stop         context.CancelFunc
	dead         atomic.Bool // killed: nothing reaches pipe or disk any more
	wg           sync.WaitGroup
	done         context.CancelFunc

	stopDelivery context.CancelFunc
}

func (r Run) begin(l *decasim.PipeListener, out *Outcome) *process {
	p := &process{out: out, stopDelivery: func() {}}
	p.pipe = &pipe{p: p}
	to := io.Writer(p.pipe)
	if r.Out != nil {
		to = r.Out(to)
	}
	w := encode.NewWriter(to)
	cfg := r.config(l, w, out)
	if r.Other != nil {
		r.Other.fill(&cfg)
	}
	if r.Dir != "" {
		s, past, err := store.Open(r.Dir, store.Options{Horizon: refill.Ways{Archives: cfg.Core.Archives, Rules: cfg.Core.Recovery}.Reach()})
		if err != nil {
			panic("open state: " + err.Error())
		}
		p.state = s
		cfg.Store, cfg.Core.State, cfg.Core.Past = mortal{s, p}, true, past
		cfg.Core.Started = ledger.Moment{Wall: time.Now().UnixNano()}
		cfg.OrdersInterval = time.Hour
	}
	if r.Dir != "" {
		p.deliver(r, w, &cfg)
	}
	p.e = engine.New(cfg)
	writing, stopWriting := context.WithCancel(context.Background())
	ctx, stop := context.WithCancel(context.Background())
	p.stop, p.done = stop, stopWriting
	p.wg.Go(func() { w.Run(writing) })
	p.wg.Go(func() {
		defer stopWriting()
		if err := p.e.Run(ctx); err != nil && !p.dead.Load() {
			out.Err = err
		}
		p.stopDelivery()
	})
	return p
}

// deliver puts the product's road behind the engine: to the pipe, or to outputs whose word is awaited.
func (p *process) deliver(r Run, w *encode.Writer, cfg *engine.Config) {
	d := delivery.Config{Schema: schema(), Courier: delivery.Stdout(w), Slots: 1, Most: 1000, MostBytes: encode.FlushBytes, Memory: 5000,
		SettleAfter: 10 * time.Second,
		Say:         func(level byte, text string) { cfg.Listener.Note(core.Note{Level: core.Level(level), Text: text}) }}
	limit := int64(64 << 20)
	if o := r.Outputs; o != nil {
		d.Courier, d.Slots, d.Most, d.Memory, d.Acknowledged = courier{o, p}, 4, 50, cmp.Or(o.Memory, 500), true
		limit, p.acknowledged, cfg.Core.Acknowledged = o.Spool, true, true
	}
	d.Bytes = d.Memory * linesBytes
	if limit > 0 {
		s, contents, err := spool.Open(r.Dir, limit)
		if err != nil {
			panic("open spool: " + err.Error())
		}
		p.spool, d.Spool, d.Past = s, s, contents.Entries
		cfg.Core.Past.Notes = append(cfg.Core.Past.Notes, contents.Notes...)
		cfg.Core.Past.Spooled = contents.SortOut(p.state.Load)
	}
	road := p.delivery(d)
	cfg.Tweets, cfg.Delivery = road, road
}

// linesBytes is the usual length of a Tweet's line here: memory is full in bytes as often as in Tweets.
const linesBytes = 200

// end stops the process in order, or kills it.
func (p *process) end(kill bool) {
	p.dead.Store(kill)
	if kill && p.spool != nil {
		_ = p.spool.Close()
	}
	p.stop()
	p.wg.Wait()
	if p.state != nil {
		_ = p.state.Close()
	}
	if p.spool != nil {
		_ = p.spool.Close()
	}
	if _, most := p.e.Waiting(); most > engine.MaxMemory {
		p.out.Err = errors.Join(p.out.Err, fmt.Errorf("%d bytes waited for the core", most))
	}
	lines := p.pipe.read(kill && !p.acknowledged)
	p.out.Lines = append(p.out.Lines, lines...)
	p.out.lives = append(p.out.lives, life{lines, kill})
}

// onTheWay is how long a Tweet is on its way to outputs that take all.
const onTheWay = 2 * time.Second

// whole reports whether, as the plugin says, nothing is missing, and all is delivered but for what is on its way: while
// Tweets are offered, some are.
func (p *process) whole() bool {
	p.e.Poll()
	time.Sleep(time.Second)
	late := false
	for l := range points(p.pipe.tail()) {
		if l.name == "decahose_stream" {
			p.out.Open = l.fields["gaps_open"].(int64)
			p.out.Undelivered, _ = l.fields["undelivered"].(int64)
			spooled, _ := l.fields["spooled"].(int64)
			waited, _ := l.fields["oldest_undelivered_ms"].(int64)
			late = spooled > 0 || waited > onTheWay.Milliseconds()
		}
	}
	return p.out.Open == 0 && !late
}

// mortal is a store that a killed process does not reach any more.
type mortal struct {
	*store.Store
	p *process
}

var errDead = errors.New("process is dead")

func (m mortal) Commit(c *ledger.Commit) error {
	if m.p.dead.Load() {
		return errDead
	}
	return m.Store.Commit(c)
}

// unreadFor is how far the reader of the pipe lags behind: what it has not read when the process is killed is gone.
const unreadFor = 3 * time.Second

// pipe is stdout, up to its reader.
type pipe struct {
	p       *process
	mu      sync.Mutex
	lines   bytes.Buffer
	written []written
}

type written struct {
	at  time.Time
	end int // of lines
}

func (w *pipe) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.p.dead.Load() {
		w.lines.Write(b)
		w.written = append(w.written, written{time.Now(), w.lines.Len()})
	}
	return len(b), nil
}

// tail is what came lately.
func (w *pipe) tail() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := 0
	for _, x := range w.written {
		if time.Since(x.at) > 2*time.Second {
			from = x.end
		}
	}
	return bytes.Clone(w.lines.Bytes()[from:])
}

// read is what the reader got.
func (w *pipe) read(killed bool) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.lines.Bytes()
	if !killed {
		return all
	}
	end := 0
	for _, x := range w.written {
		if time.Since(x.at) >= unreadFor {
			end = x.end
		}
	}
	return all[:end]
}

// compare goes through what came out, life by life: within one, and after one that ended in order, nothing may come
// twice; after a kill, what comes again must be the same point.
func (o *Outcome) compare() map[snowflake.ID]string {
	emitted := map[snowflake.ID]string{}
	since := map[snowflake.ID]int{} // the kills before its last appearance
	kills := 0
	for _, l := range o.lives {
		for id, p := range tweets(l.lines) {
			if want, _ := id.Nano(); p.time != want {
				o.Wrong = append(o.Wrong, id)
			}
			switch before, again := emitted[id]; {
			case again && since[id] == kills:
				o.Doubled = append(o.Doubled, id)
			case again && before != p.identity():
				o.Wrong = append(o.Wrong, id)
			case again:
				o.Repeated++
			}
			emitted[id], since[id] = p.identity(), kills
		}
		if l.killed {
			kills++
		}
	}
	return emitted
}
