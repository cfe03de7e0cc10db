package delivery

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/feedback"
)

// confirmTimeout is how long Telegraf may report nothing before what was written settles by time alone. Without it, one
// who took the feedback out of his configuration would fill the spool.
const confirmTimeout = time.Minute

// settling are entries that were written out, and are kept until they were surely taken. Only where the outputs say
// nothing themselves.
type settling struct {
	list       []removal // in the order in which they were written
	before     time.Time // what was written before this has left Telegraf's buffers
	lastReport time.Time // when Telegraf last reported
}

// settle keeps the entry of a part that was written now.
func (s *settling) settle(p *part, now time.Time) {
	if s.lastReport.IsZero() {
		s.lastReport = now
	}
	s.list = append(s.list, removal{entry: p.entry, n: p.n, at: now})
}

// settled takes out what need not be kept any more.
func (s *settling) settled(now time.Time, c *Config) (all []removal) {
	n := 0
	for n < len(s.list) && s.sure(&s.list[n], now, c) {
		n++
	}
	all, s.list = s.list[:n:n], s.list[n:]
	return all
}

func (s *settling) sure(r *removal, now time.Time, c *Config) bool {
	blind := !c.Confirmed || now.Sub(s.lastReport) > confirmTimeout
	return now.Sub(r.at) >= c.SettleAfter && (blind || r.at.Before(s.before))
}

func (s *settling) wake(c *Config, sooner func(time.Time)) {
	if len(s.list) == 0 {
		return
	}
	sooner(s.list[0].at.Add(c.SettleAfter))
	if c.Confirmed {
		sooner(s.lastReport.Add(confirmTimeout + 1))
	}
}

// applyFeedback applies a report of Telegraf: what left its buffers has settled, and what it dropped is sent again.
func (s *scheduler) applyFeedback(now time.Time, e feedback.Effect) {
	k := &s.disk.settling
	k.lastReport = now
	if e.Before != 0 {
		k.before = time.Unix(0, e.Before)
	}
	if e.Dropped == 0 {
		return
	}
	from, to := time.Unix(0, e.DroppedFrom), time.Unix(0, e.DroppedTo)
	k.list = slices.DeleteFunc(k.list, func(r removal) bool {
		dropped := !r.at.Before(from) && !r.at.After(to)
		if dropped {
			s.resend(now, r)
		}
		return dropped
	})
}

// resend schedules an entry again that was written and then lost in Telegraf.
func (s *scheduler) resend(now time.Time, r removal) {
	p := newPart(r.n, now)
	p.entry, p.safe, p.group.unsafe = r.entry, true, 0
	s.register(p.group)
	s.stored = insert(s.stored, p)
}

// Feedback takes what Telegraf's reports mean. Any goroutine may call it.
func (d *Delivery) Feedback(e feedback.Effect) {
	d.effectsOf.Lock()
	d.effects = append(d.effects, e)
	d.effectsOf.Unlock()
	d.Pause(e.Pause)
}

// applyFeedback gives the scheduler what Telegraf has reported since the last turn.
func (d *Delivery) applyFeedback(now time.Time) {
	d.effectsOf.Lock()
	all := d.effects
	d.effects = nil
	d.effectsOf.Unlock()
	for _, e := range all {
		d.scheduler.applyFeedback(now, e)
	}
}

// Taken says, after Stop, that the reader of what was written has taken it all: nothing of it is kept for the next
// process. The spool must still be open.
func (d *Delivery) Taken() error {
	<-d.ended
	ids := make([]int64, 0, len(d.scheduler.disk.settling.list))
	for _, r := range d.scheduler.disk.settling.list {
		ids = append(ids, r.entry)
	}
	d.scheduler.disk.settling.list = nil
	if len(ids) == 0 {
		return nil
	}
	return d.spooler.Remove(ids...)
}

// Behind reports whether the outputs do not keep up. Any goroutine may call it.
func (d *Delivery) Behind() bool { return d.Status().State.Behind() }
