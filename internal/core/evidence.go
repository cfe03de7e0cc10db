package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// proof is how long the asking connection must have stayed sound before its backfill is judged:
	// X marks no end of it.
	proof = time.Minute
	// patience is after how long a backfill that did not come is no longer expected.
	patience = 10 * time.Minute
	// expected is how many Tweets a slot must lead one to expect, for its emptiness to mean loss.
	expected = 20
)

// judgeHoles looks for evidence that backfills came, and gives up what is older than the horizon.
func (c *Core) judgeHoles(p *partition) {
	for i := len(p.holes) - 1; i >= 0; i-- {
		h := p.holes[i]
		if !h.Dark && h.Span.To < c.clock.at(c.now)-c.cfg.RecoveryHorizon.Milliseconds() {
			c.note(Error, "partition %d: minutes %s lost: older than the recovery horizon", p.id, minutesOf(h.Gap))
			c.settleHole(p, i, ledger.GapLost, "")
			continue
		}
		a := h.asker
		if a == nil || h.Dark || !a.sound || c.now.Sub(a.openedAt) < proof || c.now.Sub(h.judgedAt) < proof {
			continue
		}
		h.judgedAt = c.now
		c.judge(p, i)
	}
}

// judge recovers the minutes of a hole for which there is evidence; the rest stays a gap.
func (c *Core) judge(p *partition, i int) {
	h := p.holes[i]
	slot := slotFor(p.rate(h.asker))
	if slot == 0 {
		return
	}
	whole := h.Span
	var rest timeline.Set
	rest.Add(whole)
	for m, end := whole.Minutes(); m < end; m++ {
		part := whole.Intersect(m.Span())
		if r := p.book.Find(m); !part.Empty() && part.From >= h.asked && r != nil && r.Filled(m, part, slot) {
			rest.Remove(part)
			p.filled.Add(part)
			h.Tweets += r.Within(m, part)
		}
	}
	left := rest.Spans()
	if len(left) == 0 {
		c.settleHole(p, i, ledger.GapRecovered, "backfill")
		c.note(Info, "partition %d: minutes %s recovered by backfill", p.id, minutesOf(h.Gap))
		return
	}
	if rest := (timeline.Span{From: left[0].From, To: left[len(left)-1].To}); rest != whole {
		c.narrow(p, h, rest)
	}
	if c.now.Sub(h.asker.openedAt) > patience {
		h.asker, h.State = nil, ledger.GapOpen
		c.changeHole(h)
	}
}

// narrow leaves rest of the hole open. A gap is identified by its first minute, so recovered minutes in
// front of the rest are reported as a gap of their own, under the old identity.
func (c *Core) narrow(p *partition, h *hole, rest timeline.Span) {
	was := h.Span
	if front := (timeline.Span{From: was.From, To: rest.From}); timeline.MinuteOf(rest.From) > timeline.MinuteOf(was.From) {
		done := *h.Gap
		done.Span, done.State, done.FilledBy = front, ledger.GapRecovered, "backfill"
		c.changed = append(c.changed, done)
		h.Tweets = 0
	}
	h.Span = rest
	c.minutesRecovered += minutesIn(was) - minutesIn(rest)
	for m, end := was.Minutes(); m < end; m++ {
		if r := p.book.Find(m); r != nil {
			p.book.Recovered.Add(p.recoveredIn(m, was, rest))
			r.Touch()
		}
	}
	c.changeHole(h)
}

// recoveredIn is what narrowing a gap from was to rest recovered of minute m.
func (p *partition) recoveredIn(m timeline.Minute, was, rest timeline.Span) timeline.Span {
	part := was.Intersect(m.Span())
	if part.Intersect(rest).Empty() {
		return part
	}
	return timeline.Span{}
}

func minutesIn(s timeline.Span) int64 {
	first, end := s.Minutes()
	return int64(end - first)
}

// slotFor is the shortest slot, in seconds, in which the rate (Tweets per second) leads one to expect
// enough Tweets; 0 where none does.
func slotFor(rate float64) int64 {
	for _, s := range [...]int64{1, 5, 15, 60} {
		if rate*float64(s) >= expected {
			return s
		}
	}
	return 0
}

// rate is the partition's Tweets per second in the time that n has covered since its connect.
func (p *partition) rate(n *conn) float64 {
	span := n.span()
	span.From = max(span.From, span.To-10*timeline.MinuteMilli)
	if span.Len() < 1000 {
		return 0
	}
	var sum int64
	for m, end := span.Minutes(); m < end; m++ {
		if r := p.book.Find(m); r != nil {
			sum += r.Within(m, span)
		}
	}
	return float64(sum) * 1000 / float64(span.Len())
}
