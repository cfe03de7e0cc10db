package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
)

// process is one life of the plugin's process.
type process struct {
	out    *Outcome
	stream *app.Stream
	pipe   *pipe
	spool  *spool.Spool // nil: there is none

	acknowledged bool // the pipe is what stores have: nothing of it is lost
	stop         context.CancelFunc
	dead         atomic.Bool // killed: nothing reaches pipe or disk any more
	wg           sync.WaitGroup
}

func (r Run) begin(l *decasim.PipeListener, out *Outcome) *process {
	p := &process{out: out, acknowledged: r.Outputs != nil}
	p.pipe = &pipe{p: p}
	to := io.Writer(p.pipe)
	if r.Out != nil {
		to = r.Out(to)
	}
	w := encode.NewWriter(to)
	cfg := r.config(l, w, out)
	cfg.Kept = p.kept
	if r.Other != nil {
		r.Other.fill(&cfg.Engine)
	}
	if o := r.Outputs; o != nil {
		cfg.Output = app.Acknowledged{Courier: courier{o, p}, Slots: 4, Batch: 50}
	}
	s, err := app.New(cfg)
	if err != nil {
		panic("open state: " + err.Error())
	}
	p.stream = s
	writing, stopWriting := context.WithCancel(context.Background())
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.wg.Go(func() { w.Run(writing) })
	p.wg.Go(func() {
		defer stopWriting()
		if err := s.Run(ctx); err != nil && !p.dead.Load() {
			out.Err = err
		}
	})
	return p
}

// kept puts what ends with the process between it and the disk.
func (p *process) kept(state *store.Store, s *spool.Spool) engine.Store {
	p.spool = s
	return mortal{state, p}
}

// end stops the process in order, or kills it.
func (p *process) end(kill bool) {
	p.dead.Store(kill)
	if kill && p.spool != nil {
		_ = p.spool.Close()
	}
	p.stop()
	p.wg.Wait()
	p.stream.Close()
	if _, most := p.stream.Engine.Waiting(); most > engine.MaxMemory {
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
	p.stream.Engine.Poll()
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
