package core

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// whole is the hole's span; that of a dark one reaches to the stream's present.
func (c *Core) whole(h *hole) timeline.Span {
	s := h.Span
	if h.Dark {
		s.To = max(s.To, c.clock.At(c.now))
	}
	return s
}

// lack makes a span of the past missing, as far as no gap holds it.
func (c *Core) lack(p *partition, s timeline.Span, cause string) {
	var fresh timeline.Set
	fresh.Add(s)
	for _, h := range p.holes {
		c.grow(h, s)
		fresh.Remove(c.whole(h))
	}
	for _, part := range fresh.Spans() {
		h := &hole{since: c.since(part.From), opened: c.wall, Gap: &ledger.Gap{Partition: p.id, Span: part, Cause: cause}}
		i := slices.IndexFunc(p.holes, func(o *hole) bool { return o.Span.From > part.From })
		if i < 0 {
			i = len(p.holes)
		}
		p.holes = slices.Insert(p.holes, i, h)
		c.changeHole(h)
	}
}

// grow gives the hole what the span has of its first and last minute: minutes name gaps, so that two share none.
func (c *Core) grow(h *hole, s timeline.Span) {
	first, end := c.whole(h).Minutes()
	s = s.Intersect(timeline.Span{From: first.Milli(), To: end.Milli()})
	if s.Empty() {
		return
	}
	h.Span.From = min(h.Span.From, s.From)
	if !h.Dark {
		h.Span.To = max(h.Span.To, s.To)
	}
	c.changeHole(h)
}

// since is when, by our clock, a partition was last sound of which nothing is certain from the id time on: that is the
// settle time earlier.
func (c *Core) since(from int64) time.Time {
	out := time.Duration(c.clock.At(c.now)-from)*time.Millisecond - settle
	return c.now.Add(-max(0, out))
}

// closeHole takes hole i off the list, all of it.
func (c *Core) closeHole(p *partition, i int, state ledger.GapState, by string) {
	h := p.holes[i]
	p.holes = append(p.holes[:i:i], p.holes[i+1:]...)
	h.State, h.FilledBy = state, by
	c.count(state, by, minutesIn(h.Span))
	p.book.Settle(h.Span, state)
	c.change(h.Gap)
	c.durable.done = append(c.durable.done, h.record())
}

func (c *Core) count(state ledger.GapState, by string, minutes int64) {
	switch {
	case state == ledger.GapLost:
		c.minutesLost += minutes
	case by != redundant:
		c.minutesRecovered += minutes
	}
}

// redundant, backfill: what filled a gap, besides the names of the methods of recovery.
const (
	redundant = "redundant"
	backfill  = "backfill"
)

// fill takes what was delivered of the span out of the partition's holes, and says how many minutes that
// closed.
func (c *Core) fill(p *partition, span timeline.Span, by string) {
	for i := len(p.holes) - 1; i >= 0; i-- {
		if part := c.whole(p.holes[i]).Intersect(span); !part.Empty() {
			p.filled.Add(part)
			c.carve(p, i, part, ledger.GapRecovered, by)
		}
	}
}

// carve takes part out of hole i, as recovered or lost. A gap is identified by its first minute: what begins
// with it keeps the hole's identity, what begins later becomes a gap of its own.
func (c *Core) carve(p *partition, i int, part timeline.Span, state ledger.GapState, by string) {
	h := p.holes[i]
	was := c.whole(h)
	if state == ledger.GapLost {
		c.fills.again(part.Minutes())
	}
	front, back := timeline.Span{From: was.From, To: part.From}, timeline.Span{From: part.To, To: was.To}
	tweets := c.tweetsIn(p, part)
	if front.Empty() && back.Empty() && !h.Dark {
		h.Tweets += tweets
		c.closeHole(p, i, state, by)
		return
	}
	c.count(state, by, minutesIn(was)-minutesIn(front)-minutesIn(back))
	p.book.Settle(part, state)
	dark := h.Dark
	if h.Dark && back.Empty() {
		back = timeline.Span{From: part.To, To: part.To + 1}
	}
	if identity := timeline.MinuteOf(was.From); front.Empty() && timeline.MinuteOf(back.From) == identity {
		h.Tweets += tweets
	} else if front.Empty() || timeline.MinuteOf(part.From) != identity {
		done := *h
		done.Gap = &ledger.Gap{Partition: p.id, Span: part, State: state, Cause: h.Cause, FilledBy: by, Tweets: tweets}
		c.change(done.Gap)
		c.durable.done = append(c.durable.done, done.record())
	}
	if !front.Empty() {
		h.Span, h.Dark = front, false
		c.changeHole(h)
		if back.Empty() {
			return
		}
		rest := *h
		gap := *h.Gap
		rest.Gap, rest.said, rest.saved = &gap, gapSaid{}, ledger.GapRecord{}
		rest.Tweets = 0
		p.holes = append(p.holes[:i+1:i+1], append([]*hole{&rest}, p.holes[i+1:]...)...)
		h = &rest
	} else if timeline.MinuteOf(back.From) != timeline.MinuteOf(was.From) {
		h.Tweets = 0
	}
	h.Span, h.Dark = back, dark
	c.changeHole(h)
}

// tweetsIn is how many Tweets of the span came, with partition or, in requests, without.
func (c *Core) tweetsIn(p *partition, span timeline.Span) (n int64) {
	for m, end := span.Minutes(); m < end; m++ {
		for _, b := range [...]*ledger.Book{p.book, c.any.book} {
			if r := b.Find(m); r != nil {
				n += r.Within(m, span)
			}
		}
	}
	return n
}

// expire gives up what nobody can bring any more.
func (c *Core) expire(p *partition) {
	if c.clock.Guessed() {
		return // a wrong clock of this host must not lose anything
	}
	for i := len(p.holes) - 1; i >= 0; i-- {
		h := p.holes[i]
		past := timeline.Span{From: h.Span.From, To: c.expired()}.Intersect(c.whole(h))
		if past.Empty() || c.beingAsked(p.id, past) {
			continue
		}
		lost := c.lost(h, past)
		for _, s := range slices.Backward(lost.Spans()) { // what lies before keeps the hole's place
			c.note(Error, "partition %d: minutes %s lost: older than the recovery horizon of %v%s", p.id, minutesOf(&ledger.Gap{Span: s}),
				c.cfg.Recovery.Horizon, c.inNoArchive())
			c.carve(p, i, s, ledger.GapLost, "")
		}
	}
}

// lost is what of a hole's past nobody has.
func (c *Core) lost(h *hole, past timeline.Span) (lost timeline.Set) {
	for m, end := past.Minutes(); m < end; m++ {
		if step, _ := c.way(h, m); step == refill.Lost {
			lost.Add(m.Span().Intersect(past))
		}
	}
	return lost
}

// expired is the id time before which X certainly cannot be asked for a minute any more.
func (c *Core) expired() int64 {
	return timeline.CeilMinute(c.clock.Sure(c.now) - c.cfg.Recovery.Horizon.Milliseconds()).Milli()
}

// horizon is the id time before which nobody can be.
func (c *Core) horizon() int64 {
	return timeline.CeilMinute(c.clock.At(c.now) - c.ways.Reach().Milliseconds()).Milli()
}
