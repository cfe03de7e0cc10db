package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

const (
	// maxEvents is how many batches of records wait for the core: 8 MiB, unless records are longer; then the
	// budget of bytes is spent first. With fewer, two busy connections wait for the core by turns, and two cores do
	// the work of one and a half.
	maxEvents = 128
	// maxRequests is how many batches of requests wait: they give way to the live stream.
	maxRequests = 8
)

// errUndelivered: the sink did not take everything within DrainTimeout.
var errUndelivered = errors.New("sink was blocked: some Tweets were received but not written")

// errUnfinished: the last counters or the state were not written within DrainTimeout.
var errUnfinished = errors.New("sink or disk was blocked: the last counters and the state were not written")

// deliveryTimeout is how long batches under way may take at the end.
const deliveryTimeout = time.Second

// readTimeout bounds the wait for the reader of the output at the end.
const readTimeout = 500 * time.Millisecond

// run is the state of one Run; its goroutine owns everything but the channels.
type run struct {
	cfg      Config
	e        *Engine
	core     *core.Core
	names    []core.Conn
	ready    core.Ready
	events   chan message
	requests chan message // those of requests to Replay and Recovery, and of readings
	store    storeClient
	free     chan *wire.Batch // recycled
	tweets   *sinkQueue
	points   *sinkQueue
	gone     chan struct{}
	sessions []*session              // nil where no connection is open
	up       int                     // connections under way
	route    int                     // of the next request, modulo their number
	reading  []atomic.Bool           // archives that are being read, also by one who was left behind
	outcomes <-chan delivery.Outcome // nil: there is no Delivery
	stopped  chan error              // of the Delivery; nil when it was heard

	timer *time.Timer
	err   error

	write     context.Context // ends the sink's Write at the end of the drain
	stopWrite context.CancelFunc
	wg        sync.WaitGroup
}

func newRun(e *Engine) *run {
	r := &run{cfg: e.cfg, e: e, core: core.New(e.cfg.Core),
		events: make(chan message, maxEvents), free: make(chan *wire.Batch, maxEvents),
		tweets: newSinkQueue(e.cfg.Tweets, maxQueue), points: newSinkQueue(e.cfg.Points, maxQueue), gone: make(chan struct{}),
		timer: time.NewTimer(time.Hour)}
	r.requests = make(chan message, maxRequests)
	r.names = r.core.Conns()
	if begins := e.cfg.Listener.Begins; begins != nil {
		begins(e.cfg.Core)
	}
	r.reading = make([]atomic.Bool, len(e.cfg.Archives))
	r.sessions = make([]*session, len(r.names)+r.core.Requests())
	r.write, r.stopWrite = context.WithCancel(context.Background())
	if e.cfg.Delivery != nil {
		r.tweets = newSinkQueue(e.cfg.Tweets, 1) // it has a queue of its own
		r.outcomes = e.cfg.Delivery.Outcomes()
	}
	r.wg.Go(func() { r.tweets.run(r) })
	r.wg.Go(func() { r.points.run(r) })
	r.openStore()
	return r
}

// turn waits for one thing and does it. A full queue stops taking records, never timers or the stop.
func (r *run) turn(done <-chan struct{}) {
	events, requests, points := r.events, r.requests, r.e.points
	if r.points.full(r.cfg.Now()) {
		points = nil // those who want more counters emitted wait
	}
	if r.unread(r.cfg.Now()) {
		events = nil
	}
	if events == nil || len(events) > 0 || r.behind() {
		requests = nil // what is old can wait
	}
	select {
	case m := <-events:
		r.take(m)
	case m := <-requests:
		r.take(m)
	case ev := <-r.store.back:
		r.storeAnswered(ev)
	case it := <-r.tweets.back:
		r.written(it)
	case it := <-r.points.back:
		r.err = cmp.Or(r.err, r.points.took(it))
		r.points.flush(r.cfg.Now())
	case o := <-r.outcomes:
		r.outcome(o)
	case err := <-r.stopped:
		r.err, r.stopped = cmp.Or(r.err, err), nil
	case report := <-r.e.reports:
		r.step(core.Event{Kind: core.Reported, Report: report})
	case more := <-points:
		r.addPoints(more)
		r.step(core.Event{Kind: core.Tick})
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

// unread reports whether what connections bring is not taken now.
func (r *run) unread(now time.Time) bool { return r.tweets.full(now) || r.store.crowded() }

// take carries out what a connection's event leads to, unless the event has to wait, and those behind it.
func (r *run) take(m message) {
	if m.by != r.sessions[m.Conn] {
		r.recycle(m)
		return
	}
	if len(r.store.waiting[m.Conn]) > 0 || !r.carryOut(m) {
		r.store.wait(m)
	}
}

// carryOut steps a connection's event, and recycles its batch; false: the core does not take it now.
func (r *run) carryOut(m message) bool {
	if m.Kind == core.Ended {
		m.by.cancel(nil)
		r.sessions[m.Conn] = nil
		r.up--
		r.turnRoute(m.Event)
	}
	r.step(m.Event)
	if r.ready.Wait {
		return false
	}
	r.recycle(m)
	return true
}

// recycle gives back what the message's batch took.
func (r *run) recycle(m message) {
	if m.Batch == nil {
		return
	}
	r.budgetOf(m.Conn).give(m.Batch.Size())
	m.Batch.Reset()
	select {
	case r.free <- m.Batch:
	default:
	}
}

// budgetOf is what a connection's batches are taken from.
func (r *run) budgetOf(conn int) *budget {
	if conn < len(r.names) {
		return &r.e.live
	}
	return &r.e.old
}

// behind reports whether the outputs are so slow that what X keeps for days is better left there.
func (r *run) behind() bool {
	if r.cfg.Delivery != nil {
		return r.cfg.Delivery.Behind()
	}
	return r.tweets.queued >= maxQueue/2
}

func (r *run) written(it item) {
	r.err = cmp.Or(r.err, r.tweets.took(it))
	if it.err == nil && r.cfg.Delivery == nil {
		r.step(core.Event{Kind: core.Written, Tweets: it.tweets})
	}
	r.tweets.flush(r.cfg.Now())
}

// outcome tells the core what the delivery says became of Tweets.
func (r *run) outcome(o delivery.Outcome) {
	if o.Safe > 0 {
		r.step(core.Event{Kind: core.Written, Tweets: o.Safe})
	}
	if len(o.Delivered)+len(o.Refused) > 0 {
		r.step(core.Event{Kind: core.Delivered, Sent: o.Delivered, Refused: o.Refused})
	}
}

// step lets the core judge one event, and carries out its Ready in order.
func (r *run) step(ev core.Event) {
	now := r.cfg.Now()
	ev.Full, ev.Behind, ev.Wall = r.points.full(now), r.behind(), time.Now().UnixNano()
	ev.Unread = r.unread(now)
	ev.UnreadRequests = ev.Unread || ev.Behind || len(r.requests) > 0
	if r.cfg.Delivery != nil && (ev.Kind == core.Poll || ev.Kind == core.Final) {
		ev.Road = road(r.cfg.Delivery.Status())
	}
	r.core.Step(now, ev, &r.ready)
	if stepped := r.cfg.Listener.Stepped; stepped != nil {
		stepped(now, ev, &r.ready)
	}
	for _, c := range r.ready.Close {
		r.hangUp(c)
	}
	r.fill()
	r.tweets.flush(now)
	r.points.flush(now)
	r.requestStore()
	for _, c := range r.ready.Connect {
		r.connect(c)
	}
	for _, a := range r.ready.Requests {
		r.request(a)
	}
	if e := r.ready.Feedback; e != nil && r.cfg.Delivery != nil {
		r.cfg.Delivery.Feedback(*e)
	}
	for _, n := range r.ready.Notes {
		r.note(n)
	}
	r.timer.Reset(max(0, r.points.wake(now, r.tweets.wake(now, r.ready.Wake)).Sub(now)))
}

func road(s delivery.Status) report.Road {
	return report.Road{State: s.State.String(), Undelivered: s.Undelivered, Oldest: s.Oldest, Spooled: s.Spooled,
		SpoolBytes: s.SpoolBytes, Refused: s.Refused, Retries: s.Retries}
}

// fill puts Tweets and points into the open batch.
func (r *run) fill() {
	for i := range r.ready.Tweets {
		r.cfg.Tweets.AddTweet(&r.ready.Tweets[i], int(r.ready.From[i]))
	}
	r.tweets.tweets += int64(len(r.ready.Tweets))
	r.addPoints(r.ready.Points)
}

func (r *run) addPoints(points []point.Point) {
	for i := range points {
		if err := r.cfg.Points.AddPoint(&points[i]); err != nil {
			r.note(core.Note{Level: core.Error, Text: "BUG: " + err.Error()})
		}
	}
}

func (r *run) note(n core.Note) {
	if note := r.cfg.Listener.Note; note != nil {
		note(n)
	}
}

// drain ends the connections, and writes out everything that was received.
func (r *run) drain() error {
	late := make(chan struct{})
	stop := time.AfterFunc(r.cfg.DrainTimeout, func() { close(late) })
	defer stop.Stop()
	r.step(core.Event{Kind: core.Stop})
	r.hangUpAll()
	idle := func() bool { return r.up == 0 && r.tweets.idle() && r.points.idle() && r.store.idle() }
	if !r.until(idle, late) || !r.stopDelivery(late) {
		return cmp.Or(r.err, r.blocked())
	}
	r.step(core.Event{Kind: core.Final, Drained: r.taken(late)})
	if !r.until(idle, late) {
		return cmp.Or(r.err, r.blocked())
	}
	return nil
}

func (r *run) hangUpAll() {
	for conn := range r.sessions {
		r.hangUp(core.Close{Conn: conn, Class: "stop"})
	}
}

// stopDelivery has what the outputs have not accepted put into the spool; false: not all of it was.
func (r *run) stopDelivery(late <-chan struct{}) bool {
	if r.cfg.Delivery == nil {
		return true
	}
	if !r.cfg.Core.Acknowledged { // what waits for stdout only needs a moment
		soon := make(chan struct{})
		defer time.AfterFunc(deliveryTimeout, func() { close(soon) }).Stop()
		r.until(r.handedOver, soon)
	}
	r.stopped = make(chan error, 1)
	done := r.stopped
	ctx, cancel := context.WithTimeout(context.Background(), deliveryTimeout)
	defer cancel()
	r.wg.Go(func() { done <- r.cfg.Delivery.Stop(ctx) })
	return r.until(func() bool { return r.stopped == nil && r.store.idle() }, late)
}

// blocked says what was not written.
func (r *run) blocked() error {
	switch at := r.store.committing; {
	case !r.tweets.idle():
		return errUndelivered
	case !at.IsZero():
		return fmt.Errorf("the disk of the state hangs: what came since %s is not in it, and comes again after the next start; a commit has not come back for %v",
			at.UTC().Format(time.RFC3339), time.Since(at).Round(time.Second))
	}
	return errUnfinished
}

// handedOver reports whether nothing waits in memory to be written.
func (r *run) handedOver() bool { return r.cfg.Delivery.Status().InMemory == 0 }

// taken reports whether the reader of the output has taken everything, so that nothing has to be written again.
func (r *run) taken(late <-chan struct{}) bool {
	if !r.drained(late) {
		return false
	}
	if r.cfg.Delivery == nil || r.cfg.Core.Acknowledged {
		return true
	}
	if err := r.cfg.Delivery.Taken(); err != nil {
		r.note(core.Note{Level: core.Warn, Text: "what was written last will be written again: " + err.Error()})
	}
	return true
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
		if r.up == 0 { // nothing more will come: do not wait for the flush time
			r.tweets.send()
			r.points.send()
		}
		r.turn(late)
	}
	return true
}

// close ends what is left of the goroutines and waits for them, but not for long.
func (r *run) close() {
	r.hangUpAll()
	close(r.gone)
	close(r.tweets.queue)
	close(r.points.queue)
	r.store.end()
	r.stopWrite()
	r.timer.Stop()
	var left sync.WaitGroup
	left.Go(func() {
		r.wg.Wait()
		close(r.e.ended)
	})
	select {
	case <-r.e.ended:
	case <-time.After(leaveTimeout):
	}
}
