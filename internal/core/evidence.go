package core

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/gap"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
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
	if c.durable.failing {
		return
	}
	c.expire(p)
	for _, h := range slices.Clone(c.gaps.Of(p.index)) { // judging splits and closes gaps
		i, asked := h.Asker()
		if !asked || h.Dark || c.now.Sub(h.JudgedAt) < proof {
			continue
		}
		if a := c.conns[i]; a.sound && c.now.Sub(a.openedAt) >= proof {
			h.JudgedAt = c.now
			c.judge(p, h, a)
		}
	}
}

// judge recovers the minutes of a gap that a was asked for, for which there is evidence; the rest is a gap that requests may fill from
// now on, although a slow backfill may still do so.
func (c *Core) judge(p *partition, h *gap.Gap, a *conn) {
	asked, whole, left := h.Asked, h.Span, c.now.Sub(a.openedAt) > patience
	var came timeline.Set
	if slot := slotFor(p.rate(a)); slot != 0 {
		for m, end := whole.Minutes(); m < end; m++ {
			part := whole.Intersect(m.Span())
			if !part.Empty() && part.From >= asked && a.brought.filled(m, part, slot) && c.backfilled(p, m) {
				came.Add(part)
			}
		}
	}
	for _, s := range came.Spans() {
		c.gaps.Fill(p.index, s, backfill)
	}
	open := int64(0)
	for _, o := range c.gaps.Of(p.index) {
		if i, asked := o.Asker(); asked && i == a.index && !o.Span.Intersect(whole).Empty() {
			open += o.Span.Len()
			if left {
				o.Abandon()
			}
		}
	}
	c.unask()
	if open == 0 {
		c.note(Info, "partition %d: minutes %s recovered by backfill", p.id, minutesOf(&ledger.Gap{Span: whole}))
	}
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

// brought are the seconds of each minute of which an attempt that asked for backfill delivered Tweets, copies included.
// What came before the cut, on whichever connection, is no evidence that the backfill came.
type brought map[timeline.Minute]uint64

// broughtMost is how many minutes are looked at: those of a backfill, and some that follow.
const broughtMost = 16

// add notes a Tweet of the id time ms.
func (b brought) add(ms int64) {
	m := timeline.MinuteOf(ms)
	if _, ok := b[m]; ok || len(b) < broughtMost {
		b[m] |= 1 << ((ms - m.Milli()) / 1000)
	}
}

// spoiled marks a minute, beside the bits of its seconds, of which nothing is evidence any more.
const spoiled = 1 << 63

// spoil takes back what was brought of the minute: part of it was lost behind us.
func (b brought) spoil(m timeline.Minute) {
	if seconds, ok := b[m]; ok {
		b[m] = seconds | spoiled
	}
}

// filled reports whether each slot of so many seconds that the span touches within minute m was brought.
func (b brought) filled(m timeline.Minute, span timeline.Span, slot int64) bool {
	if b[m]&spoiled != 0 {
		return false
	}
	length := slot * 1000
	first, last := (span.From-m.Milli())/length, (span.To-1-m.Milli())/length
	for s := first; s <= last; s++ {
		if b[m]>>(s*slot)&(1<<slot-1) == 0 {
			return false
		}
	}
	return true
}
