package core

import (
	"cmp"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
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
			c.clock.Guess(c.wall/1e6, c.now, c.wall)
			c.bound()
		}
		return
	}
	c.wasClean = past.Clean
	stream, sure := c.streamTime(past)
	c.clock.Guess(stream, c.now, c.wall)
	c.bound()
	c.restoreMinutes(past)
	c.fills.Restore(past.Fills)
	c.learn(past)
	c.restoreRequests(past)
	for _, p := range c.partitions {
		for i := range past.Partitions {
			if r := &past.Partitions[i]; r.Partition == p.id {
				p.begin, p.position = r.Begin, r.Position
			}
		}
		if at := c.now.Add(-time.Duration(stream-p.position) * time.Millisecond); p.position != 0 && at.After(c.attempts.soundAt) {
			c.attempts.soundAt = at
		}
		c.restoreGaps(p, past)
		if p.begin != 0 {
			c.openUnknown(p, past)
			c.openOutage(p, past, sure)
		}
	}
	for m := range past.IDs {
		c.seen.Stored(m)
	}
	c.adopt(past.Spooled)
	for _, id := range c.repairs.restore(past.Repairs, past.Gone) {
		c.seen.Unsee(id)
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
	doubtful := past.Spooled != nil && past.Spooled.Doubtful
	type row struct {
		partition int
		minute    timeline.Minute
	}
	tracked := make(map[row]*ledger.Tracked, len(past.Deliveries))
	for i := range past.Deliveries {
		d := &past.Deliveries[i]
		tracked[row{d.Partition, d.Minute}] = &d.Tracked
	}
	for i := range past.Minutes {
		m := &past.Minutes[i]
		p := c.account(m.Partition)
		if p.id != m.Partition {
			continue // of a partition that is not consumed any more
		}
		p.book.Restore(m, tracked[row{m.Partition, m.Minute}], doubtful)
		for _, s := range m.Covered {
			p.past.Add(s)
		}
	}
	for i := range past.Copies {
		if k := &past.Copies[i]; c.account(k.Partition).id == k.Partition {
			c.account(k.Partition).book.RestoreCopies(k)
		}
	}
}

// noted is how long after a request was noted X may have answered it: a commit, a connect.
const noted = 15 * time.Second

func (c *Core) restoreRequests(past *ledger.Past) {
	wall := c.wall
	if then := past.Moment; then.Stream != 0 { // what that process's clock would say now
		wall = then.Wall + (c.clock.At(c.now)-then.Stream)*1e6
	}
	c.attempts.budget.Restore(c.now, wall, past.Connects)
	var made []int64
	for i := range past.Requests {
		r := past.Requests[i]
		c.requests.last = max(c.requests.last, r.ID)
		if r.Ended == 0 {
			r.Ended, r.Result = c.wall, "restart"
			c.durable.asked = append(c.durable.asked, &r)
		}
		if r.Result != withdrawn && r.Method != refill.Archive.String() {
			made = append(made, r.At+noted.Nanoseconds())
		}
	}
	c.requests.budget.Restore(c.now, wall, made)
}

// restoreGaps puts the gaps back that are not settled; nobody is asked for them now.
func (c *Core) restoreGaps(p *partition, past *ledger.Past) {
	for i := range past.Gaps {
		g := past.Gaps[i]
		if g.Partition == p.id && g.State == ledger.GapRecovered {
			p.book.Recovered.Add(g.Span) // the row may have been stored before its minute was whole
		}
		if g.Partition != p.id || g.State == ledger.GapRecovered || g.State == ledger.GapLost {
			continue
		}
		c.gaps.Restore(p.index, g)
	}
}

// openUnknown opens gaps for what should be covered and is in no row that can be read.
func (c *Core) openUnknown(p *partition, past *ledger.Past) {
	// Rows older than the horizon was then may have been deleted. The position is ahead of what was certain then where
	// the stream's time had leapt.
	kept := cmp.Or(past.Moment.Stream, p.position) - c.ways.Reach().Milliseconds()
	var unknown timeline.Set
	unknown.Add(timeline.Span{From: max(p.begin, timeline.CeilMinute(kept).Milli()), To: p.position})
	for _, s := range [...]*timeline.Set{&p.past, &p.book.Lost} {
		for _, x := range s.Spans() {
			unknown.Remove(x)
		}
	}
	for _, h := range c.gaps.Of(p.index) {
		unknown.Remove(h.Span)
	}
	for _, s := range unknown.Spans() {
		c.gaps.Lack(p.index, s, ledger.CauseLedger)
	}
}

// openOutage opens the gap of the time in which nobody listened. Its Tweets are asked for as backfill, as far
// as that reaches.
func (c *Core) openOutage(p *partition, past *ledger.Past, sure bool) {
	if c.cfg.Offline {
		return
	}
	cause := ledger.CauseCrash
	if past.Clean {
		cause = ledger.CauseRestart
	}
	gaps := c.gaps.Of(p.index)
	if k := len(gaps) - 1; k < 0 || gaps[k].Span.To < p.position {
		c.gaps.Open(p.index, timeline.Span{From: p.position, To: p.position + 1}, cause, true, time.Time{})
	} else { // what lies between the position and gaps behind it is not certain either
		c.gaps.Lack(p.index, timeline.Span{From: p.position, To: gaps[k].Span.From}, cause)
	}
	gaps = c.gaps.Of(p.index)
	since := c.gaps.Since(min(p.position, gaps[len(gaps)-1].Span.From))
	if !sure {
		since = c.now.Add(-xapi.MaxBackfill)
	}
	c.gaps.GoesOn(p.index, since)
}

// preload has the ids brought that live connections and backfill will ask for.
func (c *Core) preload() {
	now := timeline.MinuteOf(c.clock.At(c.now))
	for m := now - coolAge; m <= now+1; m++ {
		c.seen.Want(m)
	}
}
