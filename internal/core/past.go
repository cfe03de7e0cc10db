package core

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// begin takes over what earlier processes left. What lies between their position and now is a gap: what
// nobody heard, and what they heard last and may not have delivered.
func (c *Core) begin() {
	c.begun = c.now
	past := c.cfg.Past
	c.cfg.Past = nil
	if past == nil || !past.Known {
		if c.cfg.Offline {
			c.clock.guess(c.wall/1e6, c.now)
		}
		return
	}
	c.wasClean = past.Clean
	stream, sure := c.streamTime(past)
	c.clock.guess(stream, c.now)
	c.restoreMinutes(past)
	c.restoreRequests(past)
	for _, p := range c.partitions {
		for i := range past.Partitions {
			if r := &past.Partitions[i]; r.Partition == p.id {
				p.begin, p.position = r.Begin, r.Position
			}
		}
		c.restoreGaps(p, past)
		if p.begin != 0 {
			c.openUnknown(p, past)
			c.openOutage(p, past, sure)
		}
	}
	for m := range past.IDs {
		c.cold.minutes[m] = false
	}
	c.preload()
	for _, n := range past.Notes {
		c.note(Warn, "state: %s", n)
	}
}

// streamTime is what the Tweets' time must be now, by what was stored; sure says that only the first Tweet can
// tell better.
func (c *Core) streamTime(past *ledger.Past) (ms int64, sure bool) {
	then, now := past.Moment, c.cfg.Started
	if then.Stream == 0 {
		return c.wall / 1e6, false
	}
	if then.Boot != "" && then.Boot == now.Boot && now.Uptime >= then.Uptime {
		return then.Stream + (now.Uptime-then.Uptime)/1e6, true
	}
	elapsed := (c.wall - then.Wall) / 1e6
	return then.Stream + max(0, elapsed), elapsed >= 0
}

func (c *Core) restoreMinutes(past *ledger.Past) {
	for i := range past.Minutes {
		m := &past.Minutes[i]
		p := c.account(m.Partition)
		if p.id != m.Partition {
			continue // of a partition that is not consumed any more
		}
		p.book.Restore(m)
		for _, s := range m.Covered {
			p.past.Add(s)
		}
	}
}

func (c *Core) restoreRequests(past *ledger.Past) {
	c.budget.restore(c.now, c.wall, past.Connects)
	var made []int64
	for i := range past.Requests {
		r := past.Requests[i]
		c.requests.last = max(c.requests.last, r.ID)
		if r.Ended == 0 {
			r.Ended, r.Result = c.wall, "restart"
			c.durable.asked = append(c.durable.asked, &r)
		}
		made = append(made, r.At)
	}
	c.requests.budget.restore(c.now, c.wall, made)
}

// restoreGaps puts the gaps back that are not settled; nobody is asked for them now.
func (c *Core) restoreGaps(p *partition, past *ledger.Past) {
	for i := range past.Gaps {
		g := past.Gaps[i]
		if g.Partition != p.id || g.State == ledger.GapRecovered || g.State == ledger.GapLost {
			continue
		}
		h := &hole{since: c.now, opened: g.Opened, requests: g.Asked, Gap: &ledger.Gap{Partition: p.id, Span: g.Span, Cause: g.Cause, Tweets: g.Tweets}}
		h.saved = g
		p.holes = append(p.holes, h)
		c.changeHole(h)
	}
	slices.SortFunc(p.holes, func(a, b *hole) int { return int(a.Span.From - b.Span.From) })
}

// unreadable is the cause of a gap where the ledger does not say what became of a minute.
const unreadable = "ledger"

// openUnknown opens gaps for what should be covered and is in no row that can be read.
func (c *Core) openUnknown(p *partition, past *ledger.Past) {
	var unknown timeline.Set
	unknown.Add(timeline.Span{From: max(p.begin, c.horizon()), To: p.position})
	for _, s := range [...]*timeline.Set{&p.past, &p.book.Lost} {
		for _, x := range s.Spans() {
			unknown.Remove(x)
		}
	}
	for _, h := range p.holes {
		unknown.Remove(h.Span)
	}
	for _, s := range unknown.Spans() {
		c.insertHole(p, &hole{since: c.now, opened: c.wall, Gap: &ledger.Gap{Partition: p.id, Span: s, Cause: unreadable}})
	}
}

// openOutage opens the gap of the time in which nobody listened. Its Tweets are asked for as backfill, as far
// as that reaches.
func (c *Core) openOutage(p *partition, past *ledger.Past, sure bool) {
	if c.cfg.Offline {
		return
	}
	cause := "crash"
	if past.Clean {
		cause = "restart"
	}
	// The position lags by the settle time, which minutesToAsk adds.
	out := time.Duration(c.clock.at(c.now)-p.position)*time.Millisecond - settle
	if !sure {
		out = backfillMost
	}
	h := &hole{since: c.now.Add(-max(0, out)), Gap: &ledger.Gap{Partition: p.id, Cause: cause, Dark: true,
		Span: timeline.Span{From: p.position, To: p.position + 1}}}
	if k := len(p.holes); k > 0 && p.holes[k-1].Span.To >= p.position {
		last := p.holes[k-1]
		last.since, last.Dark = h.since, true
		c.changeHole(last)
		return
	}
	c.openHole(p, h)
}

// preload has the ids brought that live connections and backfill will ask for.
func (c *Core) preload() {
	now := timeline.MinuteOf(c.clock.at(c.now))
	for m := now - coolAge; m <= now+1; m++ {
		c.load(m)
	}
}
