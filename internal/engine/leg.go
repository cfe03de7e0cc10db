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

// leg carries one connection's events to the engine's goroutine. It blocks while the engine takes no
// records; then the connection's watchdogs rest and its socket is left unread.
type leg struct {
	r        *run
	to       chan message
	budget   *budget
	conn     int
	cancel   context.CancelCauseFunc
	state    atomic.Int32 // idle, sending or over
	answered atomic.Bool  // Opened was sent
	left     atomic.Bool  // the core has given it up: nobody waits for its end
}

// message is an event and whose it is. What comes of a leg that was given up meanwhile is not the next one's.
type message struct {
	core.Event
	by *leg
}

const (
	idle int32 = iota
	sending
	over // its end was sent, and nothing more will be
)

// leaveAfter is how long what was told to end may take. Whoever waits for a file system or a secret store that hangs is
// then left behind: the engine, and its stop, go on without him.
const leaveAfter = time.Second

// send gives an event to the engine, unless the leg was left behind.
func (l *leg) send(ev core.Event) {
	if !l.state.CompareAndSwap(idle, sending) {
		return
	}
	l.deliver(ev)
	if ev.Kind == core.Ended {
		l.state.Store(over)
	} else {
		l.state.Store(idle)
	}
}

// work has f do what the leg is for, and sends how it ended: once, also where f does not end.
func (l *leg) work(ctx context.Context, f func() core.End) {
	done := make(chan struct{})
	var left sync.WaitGroup
	left.Go(func() {
		defer close(done)
		l.send(core.Event{Kind: core.Ended, End: f()})
	})
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	tick := time.NewTicker(leaveAfter)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if l.left.Load() {
			return
		}
		if l.state.CompareAndSwap(idle, over) { // it waits neither for the engine nor has it ended
			l.deliver(core.Event{Kind: core.Ended, End: core.End{Class: classOf(ctx), Opened: l.answered.Load(),
				Detail: "it did not end when it was told to, and is left behind"}})
			return
		}
	}
}

// classOf is the class with which a leg was told to end.
func classOf(ctx context.Context) string {
	if c, ok := errors.AsType[stream.Closed](context.Cause(ctx)); ok {
		return string(c)
	}
	return "timeout"
}

func (l *leg) deliver(ev core.Event) {
	ev.Conn = l.conn
	if ev.Batch != nil && !l.budget.take(ev.Batch.Size(), l.r.gone) {
		return
	}
	select {
	case l.to <- message{ev, l}:
	case <-l.r.gone:
	}
}

func (l *leg) Opened()                { l.answered.Store(true); l.send(core.Event{Kind: core.Opened}) }
func (l *leg) Received(b *wire.Batch) { l.send(core.Event{Kind: core.Received, Batch: b}) }
func (l *leg) Silent()                { l.send(core.Event{Kind: core.Silent}) }

func (l *leg) Batch() *wire.Batch {
	select {
	case b := <-l.r.free:
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

// leg is a new one of the connection, which is under way from now on.
func (r *run) leg(to chan message, conn int) (*leg, context.Context) {
	ctx, cancel := context.WithCancelCause(context.Background())
	l := &leg{r: r, to: to, budget: r.budgetOf(conn), conn: conn, cancel: cancel}
	r.legs[conn] = l
	r.up++
	return l, ctx
}

// hangUp tells a connection to end, or, where the core has given that up, does as if it had.
func (r *run) hangUp(c core.Close) {
	l := r.legs[c.Conn]
	if l == nil {
		return
	}
	l.cancel(stream.Closed(c.Class))
	if !c.Leave {
		return
	}
	l.left.Store(true)
	r.legs[c.Conn] = nil
	r.up--
	for _, m := range r.keep.drop(c.Conn) {
		r.recycle(m)
	}
}

// open starts a connection's goroutine; it ends with the connection.
func (r *run) open(to chan message, conn int, client *stream.Client, url string) {
	l, ctx := r.leg(to, conn)
	r.wg.Go(func() { l.work(ctx, func() core.End { return ending(client.Run(ctx, url, l)) }) })
}

// ending is what the core needs to know of an end.
func ending(e stream.End) core.End {
	end := core.End{Class: e.Class, Status: e.Status, Message: e.Message, Opened: e.Opened}
	if e.Err != nil {
		end.Detail = e.Err.Error()
	}
	return end
}
