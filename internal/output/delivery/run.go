package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// grace is how long a stop may last after its time: couriers return, and the disk takes what it was given.
const grace = time.Second

var errNotRunning = errors.New("delivery does not run")

// answer is what became of a delivery.
type answer struct {
	p   *part
	v   Verdict
	err error
}

// end is what ends Run; a nil channel never does.
type end struct {
	done, stopped <-chan struct{}  // no more time for what is in flight
	late          <-chan time.Time // no more time at all
}

// Run delivers until Stop has ended it. The end of ctx is like a Stop that has no time left.
func (d *Delivery) Run(ctx context.Context) {
	defer close(d.ended)
	defer d.halt()
	timer := time.NewTimer(0)
	defer timer.Stop()
	e := end{done: ctx.Done()}
	for goOn := true; goOn; {
		now := time.Now()
		d.scheduler.paused = d.paused.Load()
		d.applyFeedback(now)
		d.scheduler.pump(now)
		d.carryOut(now)
		if d.scheduler.over() {
			return
		}
		timer.Reset(d.scheduler.wake(now).Sub(now))
		goOn = d.turn(&e, timer)
	}
}

// turn waits for one thing and tells the scheduler; false: the time is up.
func (d *Delivery) turn(e *end, timer *time.Timer) bool {
	offers, outcomes := d.offers, d.outcomes
	if !d.scheduler.takesOffer() {
		offers = nil
	}
	if d.scheduler.out.empty() {
		outcomes = nil
	}
	select {
	case o := <-offers:
		d.scheduler.setOffer(time.Now(), o)
	case o := <-d.withdrawals:
		d.scheduler.withdraw(o)
	case a := <-d.answers:
		d.scheduler.answered(time.Now(), a.p, a.v, a.err)
	case j := <-d.jobsDone:
		d.scheduler.jobDone(time.Now(), j)
	case outcomes <- d.scheduler.out:
		d.scheduler.out = Outcome{}
	case <-timer.C:
	case <-d.wake:
	case stop := <-d.stops:
		d.scheduler.stop()
		e.stopped = stop.Done()
	case <-e.done:
		d.cancel(e)
	case <-e.stopped:
		d.cancel(e)
	case <-e.late:
		return false
	}
	return true
}

// cancel ends what is in flight: there is no more time for it.
func (d *Delivery) cancel(e *end) {
	d.scheduler.stop()
	d.halt()
	*e = end{late: time.After(grace)}
}

// carryOut does what the scheduler decided, and shows how things stand.
func (d *Delivery) carryOut(now time.Time) {
	for _, p := range d.scheduler.start {
		b := p.b // the scheduler may let go of it at a stop
		d.wg.Go(func() {
			v, err := d.cfg.Courier.Deliver(d.work, b)
			d.answers <- answer{p, v, err} // has room for all slots
		})
	}
	d.scheduler.start = d.scheduler.start[:0]
	if j := d.scheduler.job(now); j != nil {
		d.wg.Go(func() {
			j.do(d.spooler)
			d.jobsDone <- j // has room: there is one at a time
		})
	}
	for _, l := range d.scheduler.log.lines {
		d.cfg.Say(l.level, l.text)
	}
	d.scheduler.log.lines = d.scheduler.log.lines[:0]
	d.publish()
}

func (d *Delivery) publish() {
	k := d.scheduler
	d.status.Store(k.status())
	d.slot.Store(!k.paused && !k.sink.probing && len(k.inFlight) < d.cfg.Slots && len(k.fresh) == 0)
	d.roomy.Store(k.offer == nil && k.room(d.cfg.Most, min(d.cfg.MostBytes, d.cfg.Bytes)))
}

// Write takes a batch over, in memory or into the spool. It blocks while neither has room, until ctx is done; then it
// is not known what was taken.
func (d *Delivery) Write(ctx context.Context, b encode.Batch) error {
	open, ok := b.(*openBatch)
	if !ok {
		panic("BUG: a batch of another sink")
	}
	for _, one := range open.batches {
		if err := d.offer(ctx, one); err != nil {
			return fmt.Errorf("give %d Tweets to delivery: %w", open.tweets, err)
		}
	}
	return nil
}

func (d *Delivery) offer(ctx context.Context, b *Batch) error {
	o := &offer{b: b, reply: make(chan error, 1)}
	select {
	case d.offers <- o:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.ended:
		return errStopped
	}
	select {
	case err := <-o.reply:
		return err
	case <-d.ended:
		return errStopped
	case <-ctx.Done():
	}
	select {
	case d.withdrawals <- o:
	case <-d.ended:
	}
	return ctx.Err()
}

// Stop ends the sending. What is in flight may take until ctx is done. All else goes to the spool, and so does what is
// in flight, unless it is accepted before. Nothing is given to Write after it. The last Outcomes come before it
// returns, if they are read. An error says how many Tweets have to be fetched again.
func (d *Delivery) Stop(ctx context.Context) error {
	d.stopping.Do(func() { d.stops <- ctx }) // has room for the one
	select {
	case <-d.ended:
	case <-ctx.Done():
		select {
		case <-d.ended:
		case <-time.After(2 * grace):
			return errNotRunning
		}
	}
	if n := d.scheduler.unsafe(); n > 0 {
		return fmt.Errorf("stop delivery: %d Tweets were neither delivered nor put into the spool", n)
	}
	return nil
}

// Late is for a courier that returned Later because Stop cancelled it, and learns afterwards that all outputs have b,
// the very batch that it was given: b leaves the spool, which must still be open. It waits for the end of Run, and
// returns b's Tweets, which are in no Outcome; none if they were told before.
func (d *Delivery) Late(b *Batch) ([]ledger.Sent, error) {
	<-d.ended
	p := d.takeLate(b)
	if p == nil {
		return nil, nil
	}
	if p.entry == 0 {
		return p.sent(), nil
	}
	return p.sent(), d.spooler.Remove(p.entry)
}

func (d *Delivery) takeLate(b *Batch) *part {
	d.late.Lock()
	defer d.late.Unlock()
	p := d.scheduler.lates[b]
	delete(d.scheduler.lates, b)
	return p
}
