package engine

import (
	"context"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/stream"
	"github.com/decahose/telegraf-decahose/internal/wire"
)

// leg carries one connection's events to the engine's goroutine. It blocks while the engine takes no
// records; then the connection's watchdogs rest and its socket is left unread.
type leg struct {
	r      *run
	to     chan core.Event
	budget *budget
	conn   int
}

func (l leg) send(ev core.Event) {
	ev.Conn = l.conn
	if ev.Batch != nil && !l.budget.take(ev.Batch.Size(), l.r.gone) {
		return
	}
	select {
	case l.to <- ev:
	case <-l.r.gone:
	}
}

func (l leg) Opened()                { l.send(core.Event{Kind: core.Opened}) }
func (l leg) Received(b *wire.Batch) { l.send(core.Event{Kind: core.Received, Batch: b}) }
func (l leg) Silent()                { l.send(core.Event{Kind: core.Silent}) }

func (l leg) Batch() *wire.Batch {
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
	r.open(leg{r, r.events, r.budgetOf(c.Conn), c.Conn}, r.cfg.Clients[name.Index%len(r.cfg.Clients)], r.cfg.URL(name.Partition, c.Backfill))
}

// request starts a request to Replay or Recovery, or the reading of an archive.
func (r *run) request(a core.Ask) {
	if a.Archive != core.X {
		r.read(a)
		return
	}
	r.open(leg{r, r.requests, r.budgetOf(a.Conn), a.Conn}, r.cfg.Requester, r.cfg.RequestURL(a.Query))
}

// open starts a connection's goroutine; it ends with the connection.
func (r *run) open(l leg, client *stream.Client, url string) {
	ctx, cancel := context.WithCancelCause(context.Background())
	r.legs[l.conn] = cancel
	r.up++
	r.wg.Go(func() {
		l.send(core.Event{Kind: core.Ended, End: ending(client.Run(ctx, url, l))})
	})
}

// ending is what the core needs to know of an end.
func ending(e stream.End) core.End {
	end := core.End{Class: e.Class, Status: e.Status, Message: e.Message, Opened: e.Opened}
	if e.Err != nil {
		end.Detail = e.Err.Error()
	}
	return end
}
