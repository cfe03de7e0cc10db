package core

import (
	"maps"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// thinLong is how long a minute that stands though it is thin is an alarm.
const thinLong = 30 * time.Minute

// fills are the filled minutes that are not proven to be full.
type fills struct {
	minutes map[timeline.Minute]*fill
}

type fill struct {
	ledger.FillRecord
	unsaved bool
}

// of is what is known of the minute, begun if nothing is.
func (f *fills) of(m timeline.Minute) *fill {
	k := f.minutes[m]
	if k == nil {
		k = &fill{FillRecord: ledger.FillRecord{Minute: m}}
		f.minutes[m] = k
	}
	return k
}

// doubt counts that a minute was asked for and did not come as it should, and reports whether it stands so.
func (f *fills) doubt(m timeline.Minute) (stands bool) {
	k := f.of(m)
	k.Times++
	k.State, k.unsaved = ledger.FillDoubted, true
	return k.Times >= countsMost
}

// again forgets what was found of minutes that an operator wants anew.
func (f *fills) again(first, end timeline.Minute) {
	for m := first; m < end; m++ {
		f.clear(m)
	}
}

// clear says that the minute is full, or that nothing is known of it.
func (f *fills) clear(m timeline.Minute) {
	if k := f.minutes[m]; k != nil {
		*k = fill{ledger.FillRecord{Minute: m}, true}
	}
}

// mark notes how full a minute is that counts as filled from now on.
func (c *Core) mark(m timeline.Minute, w weighed, by string) {
	state := ledger.FillUnproven
	switch w.Fullness {
	case refill.Full:
		c.fills.clear(m)
		return
	case refill.Thin:
		state = ledger.FillThin
	}
	k := c.fills.of(m)
	k.FillRecord = ledger.FillRecord{Minute: m, State: state, By: by, Held: w.held, Expected: w.expected, Times: k.Times, At: c.wall}
	k.unsaved = true
}

// weighOutcome judges what a request says it delivered. Minutes that are thin are asked for again; the third time they
// stand, marked.
func (c *Core) weighOutcome(n *conn, o *refill.Outcome) {
	var thin, stand []ledger.FillRecord
	for _, m := range minutesOfSet(&o.Done) {
		w := c.weigh(n.job.query.Partition, m, n.job.follow.Came(m))
		found := ledger.FillRecord{Minute: m, Held: w.held, Expected: w.expected}
		if o.Announced > o.Arrived && w.Fullness == refill.Full { // X counts more, and nobody knows of which minutes
			w.Fullness = refill.Unproven
		}
		switch {
		case w.Fullness != refill.Thin:
			c.mark(m, w, n.job.method.String())
		case c.fills.of(m).Times >= countsMost, !o.Mismatch && c.fills.doubt(m):
			c.mark(m, w, n.job.method.String())
			stand = append(stand, found)
		default:
			o.Done.Remove(m.Span())
			o.Thin = append(o.Thin, m)
			thin = append(thin, found)
		}
	}
	c.noteThin(n, thin, "asked for again")
	c.noteThin(n, stand, "for the third time: taken as recovered, marked as thin")
}

func (c *Core) noteThin(n *conn, found []ledger.FillRecord, then string) {
	if len(found) > 0 {
		k := &found[0]
		c.note(Warn, "%s of %s: %d of its minutes are thin, first of them %s: %d Tweets where about %d should be; %s",
			n.job.method, n.job, len(found), k.Minute, k.Held, k.Expected, then)
	}
}

func minutesOfSet(s *timeline.Set) (all []timeline.Minute) {
	for _, span := range s.Spans() {
		for m, end := span.Minutes(); m < end; m++ {
			all = append(all, m)
		}
	}
	return all
}

// claimFull claims the minutes before to that a running request has passed, but for thin ones: its end judges those.
func (c *Core) claimFull(n *conn, to timeline.Minute) {
	j := n.job
	for m := j.claimed; m < to; m++ {
		w := c.weigh(j.query.Partition, m, j.follow.Came(m))
		if w.Fullness == refill.Unproven {
			c.mark(m, w, j.method.String())
		}
		if w.Fullness != refill.Thin {
			c.claim(n, m.Span())
		}
	}
	j.claimed = max(j.claimed, to)
}

// backfilled reports whether what a backfill brought of a partition's minute is enough. That it came in each second is
// evidence, so only a thin minute is not believed; where nobody else can be asked it stands, marked.
func (c *Core) backfilled(p *partition, m timeline.Minute) bool {
	w := c.weigh(p.id, m, notAsked)
	if w.Fullness != refill.Thin {
		return true
	}
	then, alone := "left to others", c.cfg.Recovery.Method == refill.None && len(c.cfg.Archives) == 0
	if alone {
		then = "taken as recovered, marked as thin"
		c.mark(m, w, backfill)
	} else if c.fills.marked(m) == ledger.FillDoubted {
		return false // it is looked at again and again, as a backfill may be slow
	} else {
		k := c.fills.of(m)
		k.State, k.unsaved = ledger.FillDoubted, true
	}
	c.note(Warn, "partition %d: backfill brought %d Tweets of minute %s where about %d should be; %s", p.id, w.held, m, w.expected, then)
	return alone
}

// recordFills are the rows that changed. A minute that is full is told once, and forgotten.
func (c *Core) recordFills(k *ledger.Commit) {
	for _, m := range slices.Sorted(maps.Keys(c.fills.minutes)) {
		f := c.fills.minutes[m]
		if !f.unsaved {
			continue
		}
		f.unsaved = false
		k.Fills = append(k.Fills, f.FillRecord)
		if f.State == ledger.FillFull {
			delete(c.fills.minutes, m)
		}
	}
}

// returnFills takes back rows that could not be stored.
func (c *Core) returnFills(records []ledger.FillRecord) {
	for _, r := range records {
		if k := c.fills.minutes[r.Minute]; k != nil {
			k.unsaved = true
		} else {
			c.fills.minutes[r.Minute] = &fill{r, true}
		}
	}
}

func (c *Core) restoreFills(records []ledger.FillRecord) {
	for _, r := range records {
		if r.State != ledger.FillFull {
			c.fills.minutes[r.Minute] = &fill{FillRecord: r}
		}
	}
}

func (f *fills) forget(before timeline.Minute) {
	maps.DeleteFunc(f.minutes, func(m timeline.Minute, _ *fill) bool { return m < before })
}

// count is how many minutes stand in a state.
func (f *fills) count(state ledger.FillState) (n int64) {
	for _, k := range f.minutes {
		if k.State == state {
			n++
		}
	}
	return n
}

// thin are the minutes that were taken as recovered a while ago though they are thin, in order.
func (f *fills) thin(wall int64) (all []ledger.FillRecord) {
	for _, m := range slices.Sorted(maps.Keys(f.minutes)) {
		if k := f.minutes[m]; k.State == ledger.FillThin && wall-k.At < thinLong.Nanoseconds() {
			all = append(all, k.FillRecord)
		}
	}
	return all
}

// marked is the state of a filled minute's fullness.
func (f *fills) marked(m timeline.Minute) ledger.FillState {
	if k := f.minutes[m]; k != nil {
		return k.State
	}
	return ledger.FillFull
}

// record is what is known of a filled minute, nil: nothing.
func (f *fills) record(m timeline.Minute) *ledger.FillRecord {
	if k := f.minutes[m]; k != nil {
		return &k.FillRecord
	}
	return nil
}

// thinIn is how many minutes of a gap stand though they are thin.
func (f *fills) thinIn(g *ledger.Gap) (n int64) {
	for m, end := g.Minutes(); m < end && g.State == ledger.GapRecovered; m++ {
		if f.marked(m) == ledger.FillThin {
			n++
		}
	}
	return n
}
