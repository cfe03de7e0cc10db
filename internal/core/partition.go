package core

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// partition is the account of one partition and its connections.
type partition struct {
	index, id  int
	conns      []*conn
	book       *ledger.Book
	holes      []*hole
	past       timeline.Set // spans that earlier processes covered
	filled     timeline.Set // spans that a backfill or a request proved to have delivered
	litAt      int64        // id time from which it is delivered again after the last outage, or since the start
	begin      int64        // id time from which the partition was first covered, 0: never yet
	position   int64        // id time up to which all is done, as last stored
	minute     timeline.Minute
	refusedAt  time.Time  // when X last proved to refuse backfill
	newest     int64      // newest id time that counts, see clock
	dialedAt   time.Time  // of its last attempt
	darkAt     time.Time  // since when it has no connection, zero: it has one
	saidAt     time.Time  // when the log last said something of its connections
	outage     retry.Hold // while X can be reached, but not for this partition
	trouble    retry.Hold // while X answers 5xx for this partition alone
	oddMinutes int        // accounts of minutes that the stream cannot be at, as last counted and since
}

// hole is a gap that is not settled, and who was asked to fill it.
type hole struct {
	*ledger.Gap
	since    time.Time // our time of the last sound record
	asker    *conn     // asked for its minutes and not ended since
	asked    int64     // id time from which the asker's backfill was promised
	judgedAt time.Time
	full     bool  // X cut us for slowness at last: it gives no backfill then (X: Disconnections explained)
	opened   int64 // Unix ns
	requests int64 // how often its minutes were asked for
	said     gapSaid
	saved    ledger.GapRecord
}

// record is the hole as it is stored.
func (h *hole) record() ledger.GapRecord {
	return ledger.GapRecord{Partition: h.Partition, Span: h.Span, State: h.State, Cause: h.Cause, FilledBy: h.FilledBy,
		Tweets: h.Tweets, Dark: h.Dark, Opened: h.opened, Asked: h.requests}
}

// gapSaid is what the last report of a hole said: only changes are reported.
type gapSaid struct {
	first, end timeline.Minute
	state      ledger.GapState
}

// lit reports whether a connection delivers the partition now.
func (p *partition) lit() bool {
	for _, n := range p.conns {
		if n.sound {
			return true
		}
	}
	return false
}

// outageAt reports whether the minute, which closes now, lies in an outage or beside its end, where one connection is
// back before the other.
func (p *partition) outageAt(m timeline.Minute) bool {
	return !p.lit() || m.Milli() <= p.litAt+timeline.MinuteMilli
}

// dark reports whether a gap is open whose end is not known yet.
func (p *partition) dark() bool {
	return slices.ContainsFunc(p.holes, func(h *hole) bool { return h.Dark })
}

// relief is the id time from which the partition is delivered now, 0 where nobody delivers it.
func (p *partition) relief() (from int64) {
	for _, n := range p.conns {
		if n.sound && (from == 0 || n.soundFrom < from) {
			from = n.soundFrom
		}
	}
	return from
}

// reached reports whether a connection other than n is up, or on its way.
func (p *partition) reached(n *conn) bool {
	for _, o := range p.conns {
		if o != n && (o.state == live || o.state == dialing) {
			return true
		}
	}
	return false
}

// soundBeside reports whether a connection other than n delivers the partition.
func (p *partition) soundBeside(n *conn) bool {
	for _, o := range p.conns {
		if o != n && o.sound {
			return true
		}
	}
	return false
}

// lastTweet is our time of the partition's newest Tweet on any connection.
func (p *partition) lastTweet() (at time.Time) {
	for _, n := range p.conns {
		if n.fedAt.After(at) {
			at = n.fedAt
		}
	}
	return at
}

// coverage is all id time in which the partition was covered.
func (p *partition) coverage() *timeline.Set {
	var s timeline.Set
	s.AddSet(&p.past)
	s.AddSet(&p.filled)
	for _, n := range p.conns {
		s.AddSet(&n.coverage)
		s.Add(n.span())
	}
	return &s
}

// uncovered opens a gap when, after n's coverage ended at the given id time, nobody covers what follows:
// the partition is dark, or those that deliver it began later than that.
func (c *Core) uncovered(n *conn, end int64, cause string) {
	if c.stopping {
		return // what a stop leaves open is judged at the next start
	}
	p := n.part
	from, to, lit := end, p.relief(), p.lit()
	for _, o := range p.conns {
		if spans := o.coverage.Spans(); len(spans) > 0 {
			from = max(from, spans[len(spans)-1].To)
		}
	}
	from = max(from, p.begin)
	c.lackBetween(p, timeline.Span{From: max(end, p.begin), To: from}, cause)
	if lit && to <= from {
		return
	}
	h := &hole{since: p.lastTweet(), Gap: &ledger.Gap{
		Partition: p.id, Span: timeline.Span{From: from, To: max(from+1, to)}, Cause: cause, Dark: !lit}}
	c.openHole(p, h)
}

// lackBetween makes missing what nobody covered of a span that others covered the end of: one of them may have lagged
// behind when it was relied on.
func (c *Core) lackBetween(p *partition, s timeline.Span, cause string) {
	var between timeline.Set
	between.Add(s)
	for _, covered := range p.coverage().Spans() {
		between.Remove(covered)
	}
	for _, part := range between.Spans() {
		c.lack(p, part, cause)
	}
}

// openHole puts the gap into the book, merged with an unsettled one of the same or the next minute.
func (c *Core) openHole(p *partition, h *hole) {
	h.opened, h.full = c.wall, h.Cause == xapi.FullBuffer
	if k := len(p.holes); k > 0 {
		last := p.holes[k-1]
		if _, end := last.Minutes(); timeline.MinuteOf(h.Span.From) <= end {
			last.Span.To, last.Dark, last.State = max(last.Span.To, h.Span.To), h.Dark, ledger.GapOpen
			last.asker, last.judgedAt, last.full = nil, time.Time{}, h.full
			c.changeHole(last)
			return
		}
	}
	p.holes = append(p.holes, h)
	c.changeHole(h)
}

// lit again: the dark gap ends where the new coverage begins.
func (c *Core) relit(p *partition, from int64) {
	for i, h := range p.holes {
		if !h.Dark {
			continue
		}
		h.Dark = false
		h.Span.To = from
		if h.Span.Empty() { // the connections overlapped by more than the settle time
			h.Span.To = h.Span.From + 1
			c.closeHole(p, i, ledger.GapRecovered, "redundant")
			return
		}
		c.changeHole(h)
		return
	}
}

// minutesToAsk is the backfill of n's next connect, and makes n the asker of the holes it reaches.
func (c *Core) minutesToAsk(n *conn) int {
	minutes := c.backfillMinutes(n.part, c.now)
	if minutes > 0 {
		n.part.ask(c, n, minutes)
	}
	return minutes
}

// backfillMinutes is what a connect to the partition at a time, now or soon, asks for.
func (c *Core) backfillMinutes(p *partition, at time.Time) (minutes int) {
	most := int(xapi.MaxBackfill / time.Minute)
	switch {
	case c.cfg.Backfill == BackfillNone, p.refuses(at):
		return 0
	case c.cfg.Backfill == BackfillAlways:
		return most
	}
	for _, h := range p.holes {
		if h.asker == nil && c.backfillReaches(h, at) {
			minutes = max(minutes, int((at.Sub(h.since)+settle+h.askDelay()+time.Minute-1)/time.Minute))
		}
	}
	return min(minutes, most)
}

// maxAskDelay is how much later than we reckon X may count the minutes of a backfill: the request has to get there.
const maxAskDelay = 2 * time.Second

// askDelay is what of that is no margin in the gap. Of the settle time at the beginning of a gap all Tweets have come as a
// rule; but what a killed process wrote last was perhaps never read, so that each of them may be missing.
func (h *hole) askDelay() time.Duration {
	if h.Cause == ledger.CauseCrash {
		return maxAskDelay
	}
	return 0
}

// backfillReaches reports whether the connection that is about to be made should ask for some of the hole.
func (c *Core) backfillReaches(h *hole, at time.Time) bool {
	s := c.whole(h)
	if h.Dark {
		s.To = max(s.To, c.clock.At(at))
	}
	last := refill.Lack{Span: s.Intersect(timeline.MinuteOf(s.To - 1).Span()), Connecting: true, Forfeited: h.full, Words: c.words(timeline.MinuteOf(s.To - 1))}
	step, _ := c.ways.Way(c.clock.At(at), last)
	return step == refill.Backfill
}

// ask makes n the asker of what its backfill reaches.
func (p *partition) ask(c *Core, n *conn, minutes int) {
	reach := c.clock.At(c.now) - int64(minutes)*timeline.MinuteMilli
	for _, h := range p.holes {
		if h.Dark || h.Span.To > reach {
			h.asker = n
			h.promise(reach)
		}
	}
}

// promise notes from when on a backfill that reaches back to reach brings everything. X counts from its own clock,
// which runs some seconds ahead of the newest Tweet, and from when it took the request. For a gap that began within
// what was asked, the settle time in it is margin enough; of one that reaches beyond, the first seconds are not
// relied on.
func (h *hole) promise(reach int64) {
	if h.Span.From < reach+h.askDelay().Milliseconds() {
		reach += settle.Milliseconds()
	}
	h.asked = reach
}

// promised corrects what n's backfill reaches, which was reckoned while the stream's time was a guess.
func (p *partition) promised(c *Core, n *conn) {
	for _, h := range p.holes {
		if h.asker == n {
			h.promise(c.clock.At(n.dialedAt) - int64(n.backfill)*timeline.MinuteMilli)
		}
	}
}

// requested notes that X took n's request for what it asks.
func (p *partition) requested(c *Core, n *conn) {
	for _, h := range p.holes {
		if h.asker == n {
			h.State = ledger.GapRequested
			h.requests++
			c.changeHole(h)
		}
	}
}

// release takes from n, which ended, the gaps that it was asked to fill and did not.
func (p *partition) release(c *Core, n *conn) {
	for _, h := range p.holes {
		if h.asker == n {
			h.asker = nil
		}
	}
	c.unask()
	for _, h := range p.holes {
		c.changeHole(h) // one that is dark has grown
	}
}

// cutOff takes back that anything was covered that is to come.
func (p *partition) cutOff(now int64) {
	future := timeline.Span{From: now, To: 1 << 62}
	p.newest = min(p.newest, now)
	p.past.Remove(future)
	p.filled.Remove(future)
	for _, n := range p.conns {
		n.newest, n.soundFrom = min(n.newest, now), min(n.soundFrom, now)
		n.coverage.Remove(future)
	}
}

// refused notes that X refuses backfill.
func (p *partition) refused(now time.Time) { p.refusedAt = now }

// refuses reports whether X proved within the hour to refuse backfill.
func (p *partition) refuses(now time.Time) bool {
	return !p.refusedAt.IsZero() && now.Sub(p.refusedAt) < time.Hour
}

// forget drops coverage of minutes that are older than anything may still be asked for.
func (p *partition) forget(keep timeline.Minute) {
	before := keep.Milli()
	p.past.Forget(before)
	p.filled.Forget(before)
	for _, n := range p.conns {
		n.coverage.Forget(before)
	}
	p.book.Recovered.Forget(before)
	p.book.Lost.Forget(before)
	p.book.Forget(keep)
}
