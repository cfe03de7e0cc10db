package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
)

// session carries one connection's events to the engine's goroutine. It blocks while the engine takes no
// records; then the connection's watchdogs rest and its socket is left unread.
type session struct {
	r        *run
	to       chan message
	budget   *budget
	conn     int
	cancel   context.CancelCauseFunc
	state    atomic.Int32 // idle, sending or over
	answered atomic.Bool  // Opened was sent
	left     atomic.Bool  // the core has given it up: nobody waits for its end
}

// message is an event and whose it is. What comes of a session that was given up meanwhile is not the next one's.
type message struct {
	core.Event
	by *session
}

const (
	idle int32 = iota
	sending
	over // its end was sent, and nothing more will be
)

// leaveTimeout is how long what was told to end may take. Whoever waits for a file system or a secret store that hangs is
// then left behind: the engine, and its stop, go on without him.
const leaveTimeout = time.Second

// send gives an event to the engine, unless the session was left behind.
func (s *session) send(ev core.Event) {
	if !s.state.CompareAndSwap(idle, sending) {
		return
	}
	s.deliver(ev)
	if ev.Kind == core.Ended {
		s.state.Store(over)
	} else {
		s.state.Store(idle)
	}
}

// work has f do what the session is for, and sends how it ended: once, also where f does not end.
func (s *session) work(ctx context.Context, f func() core.End) {
	done := make(chan struct{})
	var left sync.WaitGroup
	left.Go(func() {
		defer close(done)
		s.send(core.Event{Kind: core.Ended, End: f()})
	})
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	tick := time.NewTicker(leaveTimeout)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if s.left.Load() {
			return
		}
		if s.state.CompareAndSwap(idle, over) { // it waits neither for the engine nor has it ended
			s.deliver(core.Event{Kind: core.Ended, End: core.End{Class: classOf(ctx), Opened: s.answered.Load(),
				Detail: "it did not end when it was told to, and is left behind"}})
			return
		}
	}
}

// classOf is the class with which a session was told to end.
func classOf(ctx context.Context) string {
	if c, ok := errors.AsType[stream.Closed](context.Cause(ctx)); ok {
		return string(c)
	}
	return "timeout"
}

func (s *session) deliver(ev core.Event) {
	ev.Conn = s.conn
	if ev.Batch != nil && !s.budget.take(ev.Batch.Size(), s.r.gone) {
		return
	}
	select {
	case s.to <- message{ev, s}:
	case <-s.r.gone:
	}
}

func (s *session) Opened()                { s.answered.Store(true); s.send(core.Event{Kind: core.Opened}) }
func (s *session) Received(b *wire.Batch) { s.send(core.Event{Kind: core.Received, Batch: b}) }
func (s *session) Silent()                { s.send(core.Event{Kind: core.Silent}) }

func (s *session) Batch() *wire.Batch {
	select {
	case b := <-s.r.free:
		return b
	default:
		return wire.NewBatch()
	}
}

// connect starts a connection to the stream.
func (r *run) connect(c core.Connect) {
	name := r.names[c.Conn]
	r.open(r.events, c.Conn, r.cfg.Clients[name.Index%len(r.cfg.Clients)], r.cfg.URL(name.Partition, c.Backfill))
}

// request starts a request to Replay or Recovery, or the reading of an archive.
func (r *run) request(a core.Ask) {
	if a.Archive != core.X {
		r.read(a)
		return
	}
	r.open(r.requests, a.Conn, r.cfg.Requesters[r.route%len(r.cfg.Requesters)], r.cfg.RequestURL(a.Query))
}

// turnRoute has the next request leave by the next route, when one did not come to its end.
func (r *run) turnRoute(ev core.Event) {
	if ev.Conn >= len(r.names) && ev.End.Class != "completed" {
		r.route++
	}
}

// session is a new one of the connection, which is under way from now on.
func (r *run) session(to chan message, conn int) (*session, context.Context) {
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &session{r: r, to: to, budget: r.budgetOf(conn), conn: conn, cancel: cancel}
	r.sessions[conn] = s
	r.up++
	return s, ctx
}

// hangUp tells a connection to end, or, where the core has given that up, does as if it had.
func (r *run) hangUp(c core.Close) {
	s := r.sessions[c.Conn]
	if s == nil {
		return
	}
	s.cancel(stream.Closed(c.Class))
	if !c.Leave {
		return
	}
	s.left.Store(true)
	r.sessions[c.Conn] = nil
	r.up--
	for _, m := range r.store.drop(c.Conn) {
		r.recycle(m)
	}
}

// open starts a connection's goroutine; it ends with the connection.
func (r *run) open(to chan message, conn int, client *stream.Client, url string) {
	s, ctx := r.session(to, conn)
	r.wg.Go(func() { s.work(ctx, func() core.End { return ending(client.Run(ctx, url, s)) }) })
}

// ending is what the core needs to know of an end.
func ending(e stream.End) core.End {
	end := core.End{Class: e.Class, Status: e.Status, Message: e.Message, Opened: e.Opened}
	if e.Err != nil {
		end.Detail = e.Err.Error()
	}
	return end
}
