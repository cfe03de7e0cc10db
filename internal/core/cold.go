package core

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// cold are the minutes whose ids are in the store and not, or not all, in memory. A record of such a minute
// cannot be judged; its batch waits until the minute was loaded, while other connections go on.
type cold struct {
	minutes map[timeline.Minute]bool // true: being loaded
	asked   map[timeline.Minute]int  // loads that have not come, those that nobody waits for any more included
	since   time.Time                // when the last load was asked for, or came
	warm    timeline.Span            // a minute that is not among them: nearly every record is of it
}

// stranger is the witness of ids that were loaded: no connection has it.
const stranger = 7

// forgot notes that ids of [from, to) are in memory no longer.
func (c *Core) forgot(from, to int64) {
	if !c.durable.on {
		return
	}
	c.cold.warm = timeline.Span{}
	for m, end := (timeline.Span{From: from, To: to}).Minutes(); m < end; m++ {
		if _, known := c.cold.minutes[m]; !known && c.storable(m) {
			c.cold.minutes[m] = false
		}
	}
}

// awaits reports whether a record of the batch is of a cold minute, and has those loaded.
func (c *Core) awaits(b *wire.Batch) (wait bool) {
	if len(c.cold.minutes) == 0 {
		return false
	}
	for i := range b.Frames {
		f := &b.Frames[i]
		if ms := f.ID.Milli(); f.Kind == wire.Record && (ms < c.cold.warm.From || ms >= c.cold.warm.To) && c.isCold(ms) {
			wait = true
		}
	}
	return wait
}

func (c *Core) isCold(ms int64) bool {
	m := timeline.MinuteOf(ms)
	if _, cold := c.cold.minutes[m]; cold {
		c.load(m)
		return true
	}
	c.cold.warm = m.Span()
	return false
}

// load has the minute's ids brought, if they are cold.
func (c *Core) load(m timeline.Minute) {
	if loading, cold := c.cold.minutes[m]; cold && !loading {
		c.cold.minutes[m] = true
		c.cold.asked[m]++
		c.cold.since = c.now
		c.out.Load = append(c.out.Load, m)
	}
}

// came takes a load. One that had been given up may come when the minute is cold once more: it knows nothing of the
// ids that went to the store since, so the minute stays cold.
func (c *Core) came(m timeline.Minute, ids []snowflake.ID, err string) {
	c.cold.asked[m]--
	late := c.cold.asked[m] > 0
	if !late {
		delete(c.cold.asked, m)
	}
	if !late && c.cold.minutes[m] {
		c.loaded(m, ids, err)
		return
	}
	for _, id := range ids {
		c.ids.Mark(id, c.now, stranger)
	}
}

// loaded takes the ids of a minute. Ids that the store lost cost repeats, and nothing else.
func (c *Core) loaded(m timeline.Minute, ids []snowflake.ID, err string) {
	for _, id := range ids {
		c.ids.Mark(id, c.now, stranger)
	}
	c.remember(m)
	delete(c.cold.minutes, m)
	c.cold.since = c.now
	if err != "" && c.now.Sub(c.durable.damagedAt) >= complainEvery {
		c.durable.damagedAt = c.now
		c.note(Warn, "ids of minute %s cannot be read, Tweets of it may be emitted again: %s", m, printable(err))
	}
}

// remember marks the ids of the minute that are on their way to the store, which the load may have missed.
func (c *Core) remember(m timeline.Minute) {
	for _, t := range c.inFlight.Unsettled() {
		if timeline.MinuteOf(t.ID.Milli()) == m {
			c.ids.Mark(t.ID, c.now, stranger)
		}
	}
	groups := c.durable.retry
	if k := c.durable.flight; k != nil {
		groups = append(groups[:len(groups):len(groups)], k.IDs...)
	}
	c.markAll(groups, func(o timeline.Minute) bool { return o == m })
}

// markAll marks the ids of minutes that are wanted.
func (c *Core) markAll(groups []ledger.IDs, wanted func(timeline.Minute) bool) {
	for _, g := range groups {
		if !wanted(g.Minute) {
			continue
		}
		for _, id := range g.IDs {
			c.ids.Mark(id, c.now, stranger)
		}
	}
}

// giveUpLoads judges records without the ids of their minutes where a disk hangs: repeats are better than a live
// stream that stands still.
func (c *Core) giveUpLoads() {
	if c.now.Sub(c.cold.since) < commitPatience {
		return
	}
	for m, loading := range c.cold.minutes {
		if loading {
			c.loaded(m, nil, "it takes more than "+commitPatience.String())
		}
	}
}

// forgetCold drops what is too old to be asked for.
func (c *Core) forgetCold(before timeline.Minute) {
	for m, loading := range c.cold.minutes {
		if m < before && !loading {
			delete(c.cold.minutes, m)
		}
	}
}

// cool forgets the ids of minutes that a request has brought and that are safe in the store: nobody will ask
// for them again, and five days of them would not fit.
func (c *Core) cool(minutes []timeline.Minute) {
	newest := timeline.MinuteOf(c.clock.At(c.now)) - coolAge
	for _, m := range slices.Compact(minutes) {
		if m < newest {
			c.ids.Drop(m.Milli(), (m + 1).Milli())
		}
	}
}

// coolAge keeps the minutes that live connections and backfill may still bring.
const coolAge = 10
