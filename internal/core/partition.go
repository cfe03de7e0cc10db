package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/gap"
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
	past       timeline.Set // spans that earlier processes covered
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
func (c *Core) coverage(p *partition) *timeline.Set {
	var s timeline.Set
	s.AddSet(&p.past)
	s.AddSet(c.gaps.Filled(p.index))
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
	c.gaps.Open(p.index, timeline.Span{From: from, To: max(from+1, to)}, cause, !lit, p.lastTweet())
}

// lackBetween makes missing what nobody covered of a span that others covered the end of: one of them may have lagged
// behind when it was relied on.
func (c *Core) lackBetween(p *partition, s timeline.Span, cause string) {
	var between timeline.Set
	between.Add(s)
	for _, covered := range c.coverage(p).Spans() {
		between.Remove(covered)
	}
	for _, part := range between.Spans() {
		c.gaps.Lack(p.index, part, cause)
	}
}

// minutesToAsk is the backfill of n's next connect, and makes n the asker of the gaps it reaches.
func (c *Core) minutesToAsk(n *conn) int {
	minutes := c.backfillMinutes(n.part, c.now)
	if minutes > 0 {
		c.gaps.Ask(n.part.index, n.index, c.clock.At(c.now)-int64(minutes)*timeline.MinuteMilli)
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
	for _, h := range c.gaps.Of(p.index) {
		if _, asked := h.Asker(); !asked && c.backfillReaches(h, at) {
			minutes = max(minutes, int((at.Sub(h.Since)+settle+h.AskDelay()+time.Minute-1)/time.Minute))
		}
	}
	return min(minutes, most)
}

// backfillReaches reports whether the connection that is about to be made should ask for some of the gap.
func (c *Core) backfillReaches(h *gap.Gap, at time.Time) bool {
	s := c.gaps.Whole(h)
	if h.Dark {
		s.To = max(s.To, c.clock.At(at))
	}
	last := refill.Lack{Span: s.Intersect(timeline.MinuteOf(s.To - 1).Span()), Connecting: true, Forfeited: h.Full, Words: c.words(timeline.MinuteOf(s.To - 1))}
	step, _ := c.ways.Way(c.clock.At(at), last)
	return step == refill.Backfill
}

// cutOff takes back that anything was covered that is to come.
func (p *partition) cutOff(now int64, filled *timeline.Set) {
	future := timeline.Span{From: now, To: 1 << 62}
	p.newest = min(p.newest, now)
	p.past.Remove(future)
	filled.Remove(future)
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
	for _, n := range p.conns {
		n.coverage.Forget(before)
	}
	p.book.Recovered.Forget(before)
	p.book.Lost.Forget(before)
	p.book.Forget(keep)
}

// liveBy tells what connections covered of each partition, by index.
func liveBy(all []*partition) func(index int) timeline.Set {
	return func(index int) (live timeline.Set) {
		for _, n := range all[index].conns {
			live.AddSet(&n.coverage)
			live.Add(n.span())
		}
		return live
	}
}
