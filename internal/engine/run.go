package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/emit"
	"github.com/decahose/telegraf-decahose/internal/stream"
	"github.com/decahose/telegraf-decahose/internal/wire"
)

const (
	// queueMost is how many closed batches wait for the sink; then no more records are taken, the
	// connections block, and the sockets are left unread.
	queueMost = 8
	// eventsMost is how many batches of records wait for the core: 8 MiB, unless records are longer. With
	// fewer, two busy connections wait for the core by turns, and two cores do the work of one and a half.
	eventsMost = 128
	// requestsMost is how many batches of requests wait: they give way to the live stream.
	requestsMost = 8
)

// errUndelivered: the sink did not take everything within DrainTimeout.
var errUndelivered = errors.New("sink was blocked: some Tweets were received but not written")

// errUnfinished: the last counters or the state were not written within DrainTimeout.
var errUnfinished = errors.New("sink or disk was blocked: the last counters and the state were not written")

// readTimeout bounds the wait for the reader of the output at the end.
const readTimeout = 500 * time.Millisecond

// item is one closed batch on its way through the sink and back.
type item struct {
	batch  emit.Batch
	posted []core.Posting
	err    error
}

// run is the state of one Run; its goroutine owns everything but the channels.
type run struct {
	cfg      Config
	e        *Engine
	core     *core.Core
	names    []core.Conn
	ready    core.Ready
	events   chan core.Event
	requests chan core.Event // those of requests to Replay and Recovery
	keep     keep
	free     chan *wire.Batch // recycled
	queue    chan item
	back     chan item // written
	gone     chan struct{}
	legs     []context.CancelCauseFunc // nil where no connection is open
	up       int                       // connections under way

	posted  []core.Posting // of the open batch
	spare   []core.Posting // recycled
	queued  int            // batches in queue, in Write or in back
	flushAt time.Time      // when the open batch must go, zero: it is empty
	timer   *time.Timer
	err     error

	write     context.Context // ends the sink's Write at the end of the drain
	stopWrite context.CancelFunc
	wg        sync.WaitGroup
}

func newRun(e *Engine) *run {
	r := &run{cfg: e.cfg, e: e, core: core.New(e.cfg.Core),
		events: make(chan core.Event, eventsMost), free: make(chan *wire.Batch, eventsMost),
		queue: make(chan item, queueMost), back: make(chan item, queueMost), gone: make(chan struct{}),
		timer: time.NewTimer(time.Hour)}
	r.requests = make(chan core.Event, requestsMost)
	r.names = r.core.Conns()
	r.legs = make([]context.CancelCauseFunc, len(r.names)+r.core.Requests())
	r.write, r.stopWrite = context.WithCancel(context.Background())
	r.wg.Go(r.emit)
	r.startKeeping()
	return r
}

// emit is the goroutine that may block on the sink.
func (r *run) emit() {
	for it := range r.queue {
		it.err = r.cfg.Sink.Write(r.write, it.batch)
		r.back <- it // has room for all that may be queued
	}
}

// full reports whether the sink is so far behind that no more records may be taken.
func (r *run) full() bool {
	return r.queued == queueMost && r.cfg.Sink.Pending() >= emit.FlushBytes
}

// turn waits for one thing and does it. A full queue stops taking records, never timers or the stop.
func (r *run) turn(done <-chan struct{}) {
	events, requests := r.events, r.requests
	if r.full() || r.keep.crowded() {
		events = nil
	}
	if events == nil || len(events) > 0 || r.queued >= queueMost/2 {
		requests = nil // what is old can wait
	}
	select {
	case ev := <-events:
		r.take(ev)
	case ev := <-requests:
		r.take(ev)
	case ev := <-r.keep.back:
		r.kept(ev)
	case it := <-r.back:
		r.written(it)
	case <-r.timer.C:
		r.step(core.Event{Kind: core.Tick})
		r.goOnAll() // the core may have given up waiting for a disk that hangs
	case <-r.e.polls:
		r.step(core.Event{Kind: core.Poll})
	case reply := <-r.e.samples:
		reply <- r.core.Quarantined()
	case <-done:
	}
}

// take carries out what a connection's event leads to, unless the event has to wait, and those behind it.
func (r *run) take(ev core.Event) {
	if len(r.keep.waiting[ev.Conn]) > 0 || !r.carryOut(ev) {
		r.keep.wait(ev)
	}
}

// carryOut steps a connection's event, and recycles its batch; false: the core does not take it now.
func (r *run) carryOut(ev core.Event) bool {
	if ev.Kind == core.Ended {
		r.legs[ev.Conn](nil)
		r.legs[ev.Conn] = nil
		r.up--
	}
	r.step(ev)
	if r.ready.Wait {
		return false
	}
	if ev.Batch != nil {
		ev.Batch.Reset()
		select {
		case r.free <- ev.Batch:
		default:
		}
	}
	return true
}

func (r *run) written(it item) {
	r.queued--
	if it.err != nil {
		r.err = fmt.Errorf("write batch: %w", it.err)
		return
	}
	r.step(core.Event{Kind: core.Written, Postings: it.posted})
	r.spare = it.posted[:0]
}

// step lets the core judge one event, and carries out its Ready in order.
func (r *run) step(ev core.Event) {
	now := r.cfg.Now()
	ev.Full, ev.Wall = r.full(), time.Now().UnixNano()
	r.core.Step(now, ev, &r.ready)
	if hear := r.cfg.Listener.Stepped; hear != nil {
		hear(now, ev, &r.ready)
	}
	for _, c := range r.ready.Close {
		if cancel := r.legs[c.Conn]; cancel != nil {
			cancel(stream.Closed(c.Class))
		}
	}
	r.fill()
	r.flush(now)
	r.store()
	for _, c := range r.ready.Connect {
		r.connect(c)
	}
	for _, a := range r.ready.Requests {
		r.request(a)
	}
	for _, n := range r.ready.Notes {
		r.note(n)
	}
	r.sleep(now)
}

// fill puts Tweets and points into the open batch.
func (r *run) fill() {
	for i := range r.ready.Tweets {
		r.cfg.Sink.AddTweet(&r.ready.Tweets[i])
	}
	for _, p := range r.ready.Posted {
		r.posted = addPosting(r.posted, p)
	}
	for i := range r.ready.Points {
		if err := r.cfg.Sink.AddPoint(&r.ready.Points[i]); err != nil {
			r.note(core.Note{Level: core.Error, Text: "BUG: " + err.Error()})
		}
	}
}

func addPosting(all []core.Posting, p core.Posting) []core.Posting {
	for i := range all {
		if all[i].Minute == p.Minute && all[i].Partition == p.Partition {
			all[i].Tweets += p.Tweets
			return all
		}
	}
	return append(all, p)
}

// flush closes the open batch when it is big or old enough and the queue has room.
func (r *run) flush(now time.Time) {
	pending := r.cfg.Sink.Pending()
	if pending == 0 {
		return
	}
	if r.flushAt.IsZero() {
		r.flushAt = now.Add(emit.FlushAfter)
	}
	if pending >= emit.FlushBytes || !now.Before(r.flushAt) {
		r.send()
	}
}

// send hands the open batch to the sink, if the queue has room.
func (r *run) send() {
	if r.queued == queueMost {
		return
	}
	r.queue <- item{batch: r.cfg.Sink.Take(), posted: r.posted}
	r.queued++
	r.posted, r.spare, r.flushAt = r.spare, nil, time.Time{}
}

// sleep sets the timer to what comes first: the core's wish or the flush.
func (r *run) sleep(now time.Time) {
	at := r.ready.Wake
	if !r.flushAt.IsZero() && r.queued < queueMost && r.flushAt.Before(at) {
		at = r.flushAt
	}
	r.timer.Reset(max(0, at.Sub(now)))
}

func (r *run) note(n core.Note) {
	if hear := r.cfg.Listener.Note; hear != nil {
		hear(n)
	}
}

// drain ends the connections, and writes out everything that was received.
func (r *run) drain() error {
	late := make(chan struct{})
	stop := time.AfterFunc(r.cfg.DrainTimeout, func() { close(late) })
	defer stop.Stop()
	r.step(core.Event{Kind: core.Stop})
	for _, cancel := range r.legs {
		if cancel != nil {
			cancel(stream.Closed("stop"))
		}
	}
	idle := func() bool { return r.up == 0 && r.cfg.Sink.Pending() == 0 && r.queued == 0 && r.keep.idle() }
	if !r.until(idle, late) {
		return cmp.Or(r.err, r.blocked())
	}
	r.step(core.Event{Kind: core.Final, Drained: r.drained(late)})
	if !r.until(idle, late) {
		return cmp.Or(r.err, errUnfinished)
	}
	return nil
}

func (r *run) blocked() error {
	if r.queued > 0 || r.cfg.Sink.Pending() > 0 {
		return errUndelivered
	}
	return errUnfinished
}

// drained waits for the reader of the output, but not for long: what it has not read is asked for again after the
// next start.
func (r *run) drained(late <-chan struct{}) bool {
	if r.cfg.Drained == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	select {
	case <-late:
		return false
	default:
		return r.cfg.Drained(ctx)
	}
}

// until turns until the condition holds; false when it came too late or the sink failed.
func (r *run) until(holds func() bool, late <-chan struct{}) bool {
	for !holds() {
		select {
		case <-late:
			return false
		default:
		}
		if r.err != nil {
			return false
		}
		if r.up == 0 && r.cfg.Sink.Pending() > 0 {
			r.send() // nothing more will come: do not wait for the flush time
		}
		r.turn(late)
	}
	return true
}

// close ends what is left of the goroutines and waits for them.
func (r *run) close() {
	for _, cancel := range r.legs {
		if cancel != nil {
			cancel(stream.Closed("stop"))
		}
	}
	close(r.gone)
	close(r.queue)
	r.keep.end()
	r.stopWrite()
	r.timer.Stop()
	r.wg.Wait()
}
