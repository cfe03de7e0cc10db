package core

import (
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A Tweet whose id is of no time that the stream can be at is a Tweet like others: it is emitted once, and counted. But
// what is kept for its minute alone is bounded, since there are as many minutes as X has ids.
const (
	// oddMost is how many minutes of such Tweets a partition has accounts of. What comes of more is counted together.
	oddMost = 1000
	// oddBytes bounds the ids of such Tweets in memory, each perhaps in a second of its own: some 30 000. The oldest are
	// forgotten, and are Tweets again if they come once more.
	oddBytes = 8 << 20
	// toCome is how many minutes ahead of the stream's time a Tweet may be and be kept like others.
	toCome = 60
)

// storable reports whether a minute is one of those that the stream may be at: not too old to be asked for, and not far
// in the future. Others are of no use to the next process.
func (c *Core) storable(m timeline.Minute) bool {
	return c.clock.Set() && m >= c.oldest() && m <= timeline.MinuteOf(c.clock.At(c.now))+toCome
}

// accountOf is the minute to whose account a Tweet of the id time is posted: its own if there is an account of that or
// may be one more, else the one of all such Tweets.
func (c *Core) accountOf(p *partition, ms int64) timeline.Minute {
	m := timeline.MinuteOf(ms)
	switch {
	case p.book.Find(m) != nil, c.storable(m):
		return m
	case p.oddMinutes >= oddMost:
		return ledger.Elsewhere
	}
	p.oddMinutes++
	return m
}

// countOdd counts anew the accounts of minutes that the stream cannot be at: it goes on.
func (c *Core) countOdd(p *partition) {
	p.oddMinutes = 0
	for _, m := range p.book.Minutes() {
		if !c.storable(m) {
			p.oddMinutes++
		}
	}
}

// seen looks an id up among those of all times.
func (c *Core) seen(id snowflake.ID, witness uint8) (known bool, before uint8) {
	known, before = c.ids.Seen(id, c.now, witness)
	if !known && c.odd.Len() > 0 {
		known, before = c.odd.Seen(id, c.now, witness)
	}
	return known, before
}

// know remembers an id that came.
func (c *Core) know(id snowflake.ID, witness uint8) {
	if c.clock.Doubtful() || c.storable(timeline.MinuteOf(id.Milli())) {
		c.ids.Mark(id, c.now, witness)
		return
	}
	c.odd.Mark(id, c.now, witness)
}

// askable reports whether somebody can be asked for a minute: it has begun, and is not too old.
func (c *Core) askable(m timeline.Minute) bool {
	return m >= c.keep() && m <= timeline.MinuteOf(c.clock.At(c.now))
}
