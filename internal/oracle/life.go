package oracle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/decasim"
	"github.com/decahose/telegraf-decahose/internal/emit"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/snowflake"
	"github.com/decahose/telegraf-decahose/internal/store"
)

// process is one life of the plugin's process.
type process struct {
	out   *Outcome
	e     *engine.Engine
	pipe  *pipe
	state *store.Store
	stop  context.CancelFunc
	dead  atomic.Bool // killed: nothing reaches pipe or disk any more
	wg    sync.WaitGroup
	done  context.CancelFunc
}

func (r Run) begin(l *decasim.PipeListener, out *Outcome) *process {
	p := &process{out: out}
	p.pipe = &pipe{p: p}
	to := io.Writer(p.pipe)
	if r.Out != nil {
		to = r.Out(to)
	}
	w := emit.NewWriter(to)
	cfg := r.config(l, w, out)
	if r.Dir != "" {
		s, past, err := store.Open(r.Dir, store.Options{Horizon: cfg.Core.Recovery.Horizon})
		if err != nil {
			panic("open state: " + err.Error())
		}
		p.state = s
		cfg.Store, cfg.Core.State, cfg.Core.Past = mortal{s, p}, true, past
		cfg.Core.Started = ledger.Moment{Wall: time.Now().UnixNano()}
		cfg.OrdersEvery = time.Hour
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
	})
	return p
}

// end stops the process in order, or kills it.
func (p *process) end(kill bool) {
	p.dead.Store(kill)
	p.stop()
	p.wg.Wait()
	if p.state != nil {
		_ = p.state.Close()
	}
	lines := p.pipe.read(kill)
	p.out.Lines = append(p.out.Lines, lines...)
	p.out.lives = append(p.out.lives, life{lines, kill})
}

// gaps are those that are open, as the plugin says.
func (p *process) gaps() (open int64) {
	p.e.Poll()
	time.Sleep(time.Second)
	for l := range points(p.pipe.tail()) {
		if l.name == "decahose_stream" {
			open = l.fields["gaps_open"].(int64)
		}
	}
	return open
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
