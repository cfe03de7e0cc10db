package decahose

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/selfstat"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// tracked is the courier of a plugin that is compiled into Telegraf: each batch is a tracked group of metrics, which is
// delivered when every output has written, or filtered, all of it. There are never more groups on their way than there
// are slots: Telegraf panics if there are.
type tracked struct {
	schema   *encode.Schema
	acc      telegraf.TrackingAccumulator
	slots    chan struct{}         // one is taken for each group, until its fate was read
	late     func(*delivery.Batch) // set by TellLate; nil: nobody wants to know
	rejected selfstat.Stat         // Tweets that an output refused or a full buffer dropped; nil: not counted

	mu      sync.Mutex // guards the rest
	groups  map[telegraf.TrackingID]*group
	early   map[telegraf.TrackingID]bool // fates that came before Telegraf told the id
	count   int                          // groups whose fate is not known
	stopped bool

	adding sync.WaitGroup     // groups that are being added
	asks   chan chan struct{} // to be answered when all fates until now are told
	ending chan struct{}      // closed by stop
	ended  chan struct{}      // closed when dispatch ended
}

// group is one batch on its way.
type group struct {
	fate chan bool // takes one: delivered or not
	n    int
	left *delivery.Batch // set when its Deliver has ended without knowing
	told bool
}

// newTracked returns a courier for n batches at once. Its goroutine goes on after stop until every group's fate is
// told: outputs are flushed after inputs are stopped.
func newTracked(acc telegraf.Accumulator, s *encode.Schema, n int) *tracked {
	t := &tracked{
		schema: s,
		acc:    acc.WithTracking(n),
		slots:  make(chan struct{}, n),
		groups: map[telegraf.TrackingID]*group{},
		early:  map[telegraf.TrackingID]bool{},
		asks:   make(chan chan struct{}),
		ending: make(chan struct{}),
		ended:  make(chan struct{}),
	}
	var wg sync.WaitGroup // nobody waits: the process may end before
	wg.Go(t.dispatch)
	return t
}

// TellLate and Ended implement app.LateCourier.
func (t *tracked) TellLate(delivered func(*delivery.Batch)) { t.late = delivered }

// Ended is closed when every group's fate was told after stop.
func (t *tracked) Ended() <-chan struct{} { return t.ended }

// Attach adds a Tweet to a batch as a metric. Tags and fields are added one by one, because a map would shuffle them. A
// batch with a Tweet that an archive has as a line is parsed when it is delivered.
func (t *tracked) Attach(b *delivery.Batch, tw *tweet.Tweet) {
	if len(tw.Line) > 0 {
		return
	}
	ns, _ := tw.ID.Nano()
	m := metric.New(encode.Measurement, nil, nil, time.Unix(0, ns))
	t.schema.EachTag(tw, m.AddTag)
	t.schema.EachField(tw, m.AddField)
	a, ok := b.Attached.(*attached)
	if !ok {
		a = &attached{}
		b.Attached = a
	}
	a.metrics = append(a.metrics, m)
}

// attached is a batch's Tweets as metrics.
type attached struct{ metrics []telegraf.Metric }

// Errors of Deliver.
var (
	errRejected = errors.New("an output refused some of it, or a full buffer dropped it")
	errStopped  = errors.New("the input has stopped")
	errUntold   = errors.New("the outputs have not said yet what became of it")
)

// Deliver adds a batch as one group, and waits until the outputs have it. A group that is not delivered whole is to be
// sent again, also if some outputs have it.
func (t *tracked) Deliver(ctx context.Context, b *delivery.Batch) (delivery.Verdict, error) {
	metrics, err := takeMetrics(b)
	if err != nil {
		return delivery.Refused, err
	}
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return delivery.Later, errStopped
	}
	g := &group{fate: make(chan bool, 1), n: len(b.Tweets)}
	if !t.add(g, metrics) {
		<-t.slots
		return delivery.Later, errStopped
	}
	select {
	case delivered := <-g.fate:
		return verdict(delivered)
	case <-ctx.Done():
		return t.leave(g, b)
	}
}

func verdict(delivered bool) (delivery.Verdict, error) {
	if !delivered {
		return delivery.Later, errRejected
	}
	return delivery.Accepted, nil
}

// takeMetrics takes a batch's metrics. They go to Telegraf for good, so a batch that comes again is parsed.
func takeMetrics(b *delivery.Batch) ([]telegraf.Metric, error) {
	a, ok := b.Attached.(*attached)
	b.Attached = nil
	if ok && len(a.metrics) == len(b.Tweets) {
		return a.metrics, nil
	}
	metrics, err := parseLines(b.Lines)
	if err != nil {
		return nil, err
	}
	if len(metrics) != len(b.Tweets) {
		return nil, fmt.Errorf("line protocol of %d Tweets is read as %d metrics", len(b.Tweets), len(metrics))
	}
	return metrics, nil
}

// add is false after stop: Telegraf's own channel may be closed then. No lock is held while Telegraf takes the metrics,
// so their fate may be told before their id.
func (t *tracked) add(g *group, metrics []telegraf.Metric) bool {
	if !t.begin() {
		return false
	}
	defer t.adding.Done()
	id := t.acc.AddTrackingMetricGroup(metrics)
	t.mu.Lock()
	defer t.mu.Unlock()
	if delivered, ok := t.early[id]; ok {
		delete(t.early, id)
		t.tell(g, delivered)
		return true
	}
	t.groups[id] = g
	return true
}

func (t *tracked) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return false
	}
	t.count++
	t.adding.Add(1)
	return true
}

// tell gives g its fate, once, and never blocks. It needs the lock.
func (t *tracked) tell(g *group, delivered bool) {
	g.told = true
	if !delivered && t.rejected != nil {
		t.rejected.Incr(int64(g.n))
	}
	if g.left == nil {
		g.fate <- delivered
	}
}

// leave ends the wait for g, unless it was told in the meantime.
func (t *tracked) leave(g *group, b *delivery.Batch) (delivery.Verdict, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g.told {
		return verdict(<-g.fate)
	}
	g.left = b
	return delivery.Later, errUntold
}

// dispatch tells each group its fate, until stop was called and all were told.
func (t *tracked) dispatch() {
	defer close(t.ended)
	for ending := t.ending; ending != nil || t.underWay() > 0; {
		select {
		case d := <-t.acc.Delivered():
			t.told(d)
		case done := <-t.asks:
			t.drain()
			close(done)
		case <-ending:
			ending = nil
		}
	}
}

func (t *tracked) underWay() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// drain tells all fates that have come.
func (t *tracked) drain() {
	for {
		select {
		case d := <-t.acc.Delivered():
			t.told(d)
		default:
			return
		}
	}
}

func (t *tracked) told(d telegraf.DeliveryInfo) {
	g := t.settle(d)
	<-t.slots
	if g != nil && g.left != nil && d.Delivered() && t.late != nil {
		t.late(g.left)
	}
}

// settle returns the group whose fate came; nil if its id is not known yet.
func (t *tracked) settle(d telegraf.DeliveryInfo) *group {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	g, ok := t.groups[d.ID()]
	if !ok {
		t.early[d.ID()] = d.Delivered()
		return nil
	}
	delete(t.groups, d.ID())
	t.tell(g, d.Delivered())
	return g
}

// stop ends the adding, and waits for what is being added. Fates are told on.
func (t *tracked) stop() {
	t.mu.Lock()
	first := !t.stopped
	t.stopped = true
	t.mu.Unlock()
	t.adding.Wait()
	if first {
		close(t.ending)
	}
}

// catchUp returns when all fates that have come until now are told.
func (t *tracked) catchUp() {
	done := make(chan struct{})
	select {
	case t.asks <- done:
		<-done
	case <-t.ended:
	}
}

// untrack ends the adding of Tweets. It may be called without a courier, and more than once.
func (d *Decahose) untrack() {
	if d.tracked != nil {
		d.tracked.stop()
	}
}

// ID tells Telegraf which state is whose: a change of other options does not change it.
func (d *Decahose) ID() string { return "decahose_" + stateName(d.Account, d.Stream, d.StreamLabel) }

// GetState is called after the outputs were flushed for the last time, and counts what they have delivered. The state
// itself is in state_directory, and survives what Telegraf's does not.
func (d *Decahose) GetState() any {
	if d.tracked != nil {
		d.tracked.catchUp()
	}
	return struct{}{}
}

// SetState has nothing to take over.
func (*Decahose) SetState(any) error { return nil }
