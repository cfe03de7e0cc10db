package decasim

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// backfill is what a connection asked for of the past: older Tweets first, roughly, in between the
// live ones, with some of them twice.
type backfill struct {
	at, to int64 // Unix ms: [at, to) is still to be delivered
	found  []world.Tweet
	window []snowflake.ID // about to be written, in disorder
	recent []snowflake.ID // the last ones, repeated at the end
}

// Backfill comes in portions, so that live Tweets are not kept waiting, each shuffled within windows.
const (
	backfillPortion = 100
	backfillWindow  = 40
	backfillRepeat  = 0.01
	backfillOverlap = 20
)

// fill writes the next portion; false when that was the last.
func (c *conn) fill(now time.Time, fx effects) bool {
	f := c.backfill
	for sent := 0; sent < backfillPortion && !c.over; sent++ {
		id, ok := f.next(c)
		if !ok {
			for _, id := range f.recent {
				c.send(now, item{id: id}, fx)
			}
			return false
		}
		c.send(now, item{id: id}, fx)
		if c.rng.Chance(backfillRepeat) {
			c.send(now, item{id: id}, fx)
		}
		if f.recent = append(f.recent, id); len(f.recent) > backfillOverlap {
			f.recent = f.recent[1:]
		}
	}
	return !c.over
}

// next draws from the window of upcoming ids.
func (f *backfill) next(c *conn) (snowflake.ID, bool) {
	for f.at < f.to && len(f.window) < backfillWindow {
		f.found, f.at = c.s.span(f.found[:0], f.at, min(f.to, f.at+c.s.grain))
		for _, t := range f.found {
			if t.Partition == c.partition {
				f.window = append(f.window, t.ID)
			}
		}
	}
	if len(f.window) == 0 {
		return 0, false
	}
	i := c.rng.Zipf(len(f.window))
	id := f.window[i]
	f.window = slices.Delete(f.window, i, i+1)
	return id, true
}
