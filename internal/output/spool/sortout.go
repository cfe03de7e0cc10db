package spool

import (
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Loader reads the ids that the ledger knows of a minute.
type Loader func(timeline.Minute, []snowflake.ID) ([]snowflake.ID, error)

// SortOut says which Tweets of the spool the ledger knows. Ids of a minute that cannot be read count as unknown, which
// costs repeats.
func (c *Contents) SortOut(load Loader) *ledger.Spooled {
	k := known{load: load, minutes: map[timeline.Minute]map[snowflake.ID]bool{}}
	s := &ledger.Spooled{Doubtful: len(c.Notes) > 0, Refused: k.only(c.Refused), Lost: k.only(c.Lost)}
	for i := range c.Entries {
		for _, t := range c.Entries[i].Tweets {
			if k.has(t.ID) {
				s.Waiting = append(s.Waiting, t.Sent)
			} else {
				s.Unknown = append(s.Unknown, t.Sent)
			}
		}
	}
	return s
}

// known are the ids that the ledger has of the minutes that were asked for.
type known struct {
	load    Loader
	minutes map[timeline.Minute]map[snowflake.ID]bool
}

func (k *known) only(all []ledger.Sent) (found []ledger.Sent) {
	for _, t := range all {
		if k.has(t.ID) {
			found = append(found, t)
		}
	}
	return found
}

func (k *known) has(id snowflake.ID) bool {
	m := timeline.MinuteOf(id.Milli())
	of, loaded := k.minutes[m]
	if !loaded {
		ids, _ := k.load(m, nil)
		of = make(map[snowflake.ID]bool, len(ids))
		for _, i := range ids {
			of[i] = true
		}
		k.minutes[m] = of
	}
	return of[id]
}
