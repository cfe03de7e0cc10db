package core

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/core/seen"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A Tweet whose id is of no time that the stream can be at is a Tweet like others: it is emitted once, and counted. But
// what is kept for its minute alone is bounded, since there are as many minutes as X has ids.
const (
	// oddMost is how many minutes of such Tweets a partition has accounts of. What comes of more is counted together.
	oddMost = 1000
	// toCome is how many minutes ahead of the stream's time a Tweet may be and be kept like others.
	toCome = 60
	// coolAge keeps the ids of minutes that live connections and backfill may still bring.
	coolAge = 10
)

// bound says what time it is, and what minutes the stream may be at. It holds until the clock is told of something.
func (c *Core) bound() {
	c.bounds = seen.Bounds{Doubtful: c.clock.Doubtful()}
	if c.clock.Set() {
		c.bounds.First, c.bounds.End = c.oldest(), timeline.MinuteOf(c.clock.At(c.now))+toCome+1
	}
	c.seen.At(c.now, c.bounds)
	c.scale.At(c.clock.At(c.now))
	c.gaps.At(c.now, c.clock.At(c.now), c.wall)
}

// accountOf is the minute to whose account a Tweet of the id time is posted: its own if there is an account of that or
// may be one more, else the one of all such Tweets.
func (p *partition) accountOf(ms int64, b *seen.Bounds) timeline.Minute {
	m := timeline.MinuteOf(ms)
	switch {
	case p.book.Find(m) != nil, b.Hold(m):
		return m
	case p.oddMinutes >= oddMost:
		return ledger.Elsewhere
	}
	p.oddMinutes++
	return m
}

// countOdd counts anew the accounts of minutes that the stream cannot be at: it goes on.
func (p *partition) countOdd(b *seen.Bounds) {
	p.oddMinutes = 0
	for _, m := range p.book.Minutes() {
		if !b.Hold(m) {
			p.oddMinutes++
		}
	}
}

// loaded takes the ids of a minute from the store.
func (c *Core) loaded(m timeline.Minute, ids []snowflake.ID, err string) {
	if c.seen.Loaded(m, ids, c.onTheWay(m)) {
		c.noteUnread(m, err)
	}
}

// giveUpLoads judges records without the ids of their minutes where a disk hangs.
func (c *Core) giveUpLoads() {
	for _, m := range c.seen.Overdue() {
		c.seen.GiveUp(m, c.onTheWay(m))
		c.noteUnread(m, "it takes more than "+seen.LoadPatience.String())
	}
}

func (c *Core) noteUnread(m timeline.Minute, err string) {
	if err != "" && c.now.Sub(c.durable.damagedAt) >= complainEvery {
		c.durable.damagedAt = c.now
		c.note(Warn, "ids of minute %s cannot be read, Tweets of it may be emitted again: %s", m, printable(err))
	}
}

// onTheWay are the ids of the minute that are not in the store yet and will be: a load may miss them.
func (c *Core) onTheWay(m timeline.Minute) (ids []snowflake.ID) {
	for _, t := range c.inFlight.Unsettled() {
		if timeline.MinuteOf(t.ID.Milli()) == m {
			ids = append(ids, t.ID)
		}
	}
	groups := c.durable.retry
	if k := c.durable.flight; k != nil {
		groups = slices.Concat(groups, k.IDs)
	}
	for i := range groups {
		if groups[i].Minute == m {
			ids = append(ids, groups[i].IDs...)
		}
	}
	return ids
}

// askable reports whether somebody can be asked for a minute: it has begun, and is not too old.
func (c *Core) askable(m timeline.Minute) bool {
	return m >= c.keep() && m <= timeline.MinuteOf(c.clock.At(c.now))
}
