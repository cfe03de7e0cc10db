package core

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/core/gap"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// backfill is what filled a gap, besides the names of the methods of recovery.
const backfill = "backfill"

// expire gives up what nobody can bring any more.
func (c *Core) expire(p *partition) {
	if c.clock.Guessed() {
		return // a wrong clock of this host must not lose anything
	}
	for _, h := range slices.Backward(slices.Clone(c.gaps.Of(p.index))) {
		past := timeline.Span{From: h.Span.From, To: c.expired()}.Intersect(c.gaps.Whole(h))
		if past.Empty() || c.beingAsked(p.id, past) {
			continue
		}
		lost := c.lost(h, past)
		for _, s := range slices.Backward(lost.Spans()) {
			c.note(Error, "partition %d: minutes %s lost: older than the recovery horizon of %v%s", p.id, minutesOf(&ledger.Gap{Span: s}),
				c.cfg.Recovery.Horizon, c.inNoArchive())
			c.lose(p, s)
		}
	}
}

// lose gives up a span of the partition's gaps, on purpose or because nobody has it, and returns what of it was missing.
func (c *Core) lose(p *partition, s timeline.Span) timeline.Set {
	lost := c.gaps.Lose(p.index, s)
	for _, gone := range lost.Spans() {
		c.fills.Again(gone.Minutes())
	}
	return lost
}

// lost is what of a hole's past nobody has.
func (c *Core) lost(h *gap.Gap, past timeline.Span) (lost timeline.Set) {
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
