package core

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// checkInvariants is what must hold after every step, whatever happened.
func checkInvariants(t require.TestingT, c *Core) {
	var unique, first int64
	var copies, counted ledger.Copies
	for _, m := range c.any.book.Minutes() {
		checkRow(t, c.any, m)
		add(&copies, c.any.book.Find(m).Copies)
	}
	for _, p := range c.partitions {
		for _, m := range p.book.Minutes() {
			checkRow(t, p, m)
			r := p.book.Find(m)
			unique += r.Unique
			add(&copies, r.Copies)
		}
		for _, n := range p.conns {
			first += n.counters.First
			require.GreaterOrEqual(t, n.counters.Missed, int64(0))
			require.False(t, n.sound && n.state != live && n.state != closing, "%v is sound but not up", n)
		}
		require.True(t, c.stopping || c.gaps.Dark(p.index) == (p.begin != 0 && !p.lit()), "partition %d: dark gap", p.id)
		checkGaps(t, c, p)
		checkTime(t, c, p)
	}
	for _, n := range slices.Concat(c.conns, c.requests.conns, c.archives.conns) {
		add(&counted, n.counters.Copies)
	}
	if !restored(c) && c.accepted.dropped == 0 && len(c.repairs) == 0 { // less only where minutes were dropped; what was lost behind us is a copy that nobody brought
		for why, n := range copies {
			require.LessOrEqual(t, n, counted[why], "copies by cause %d", why)
		}
	}
	if !restored(c) && c.requests.last == 0 {
		// Less only where minutes beyond the horizon were dropped.
		require.LessOrEqual(t, unique, first, "unique of the minutes and first of the connections")
	}
	used, inFlight := c.attempts.budget.Used()
	require.LessOrEqual(t, used, c.cfg.ConnectLimit, "connect budget")
	require.GreaterOrEqual(t, inFlight, 0)
	_, inFlight = c.requests.budget.Used()
	require.GreaterOrEqual(t, inFlight, 0)
}

// checkTime: nothing that is to come is covered, or was delivered; accounts of minutes that the stream cannot be at are few.
func checkTime(t require.TestingT, c *Core, p *partition) {
	if c.clock.Doubtful() {
		return
	}
	odd := 0
	for _, m := range p.book.Minutes() {
		if r := p.book.Find(m); !c.bounds.Hold(m) && r.Received > 0 && !r.Past() {
			odd++
		}
	}
	require.LessOrEqual(t, odd, oddMost+1, "partition %d: minutes that the stream cannot be at", p.id)
	now := c.clock.At(c.now)
	require.LessOrEqual(t, p.newest, now, "partition %d: its newest Tweet is to come", p.id)
	for _, n := range p.conns {
		require.LessOrEqual(t, n.newest, now, "connection %d: its newest Tweet is to come", n.index)
		if spans := n.coverage.Spans(); len(spans) > 0 {
			require.LessOrEqual(t, spans[len(spans)-1].To, now, "connection %d covers what is to come", n.index)
		}
	}
	require.LessOrEqual(t, c.clock.Sure(c.now), now, "more is certain than known")
}

func add(sum *ledger.Copies, k ledger.Copies) {
	for why, n := range k {
		sum[why] += n
	}
}

// checkRow: the book of a minute balances, and each Tweet that a live connection delivered is in one history. It is called
// so often that it asks for help only where something is wrong.
func checkRow(t require.TestingT, p *partition, m timeline.Minute) {
	r := p.book.Find(m)
	sum, wrong := int64(0), !r.Balanced() || r.Closed() && r.Histories != nil
	for _, n := range r.Histories {
		sum, wrong = sum+n, wrong || n < 0
	}
	if wrong || sum > r.Received {
		require.Fail(t, "the book does not balance", "minute %v of partition %d: %+v", m, p.id, r)
	}
}

// restored reports whether an earlier process began any row.
func restored(c *Core) bool {
	for _, p := range c.partitions {
		for _, m := range p.book.Minutes() {
			if p.book.Find(m).Past() {
				return true
			}
		}
	}
	return false
}

// pending is the id time from which on a sound connection has still to deliver: it may lag behind others.
func pending(p *partition) int64 {
	from := int64(1 << 59)
	for _, n := range p.conns {
		if n.sound {
			from = min(from, n.newest)
		}
	}
	return from
}

// checkGaps: what is not covered is in a gap, or was given up; gaps are in order and share no minute.
func checkGaps(t require.TestingT, c *Core, p *partition) {
	spans := c.coverage(p).Spans()
	var rest timeline.Set
	if p.begin != 0 && len(spans) > 0 {
		rest.Add(timeline.Span{From: max(p.begin, c.oldest().Milli()), To: spans[len(spans)-1].To})
	}
	for _, s := range spans {
		rest.Remove(s)
	}
	for _, s := range p.book.Lost.Spans() {
		rest.Remove(s)
	}
	rest.Remove(timeline.Span{From: pending(p), To: 1 << 60})
	last := timeline.Minute(-1 << 40)
	for _, h := range c.gaps.Of(p.index) {
		first, end := c.gaps.Whole(h).Minutes()
		require.True(t, last <= first, "partition %d: gap %v shares a minute", p.id, h.Gap)
		last = end
		rest.Remove(c.gaps.Whole(h))
	}
	require.True(t, c.stopping || len(rest.Spans()) == 0, "partition %d: neither covered nor missing: %v", p.id, rest.Spans())
}
