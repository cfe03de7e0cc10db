package seen

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// LoadPatience is how long a load may take before records are judged without it.
const LoadPatience = 5 * time.Second

// cold are the minutes whose ids are in the store and not, or not all, in memory. A record of such a minute
// cannot be judged; its batch waits until the minute was loaded, while other connections go on.
type cold struct {
	minutes map[timeline.Minute]bool // true: being loaded
	asked   map[timeline.Minute]int  // loads that have not come, those that nobody waits for any more included
	since   time.Time                // when the last load was asked for, or came
	warm    timeline.Span            // a minute that is not among them: nearly every record is of it
	wanted  []timeline.Minute        // to be loaded
}

// Cold reports whether records of the minute have to wait.
func (s *IDs) Cold(m timeline.Minute) bool {
	_, cold := s.cold.minutes[m]
	return cold
}

// Stored says that ids of the minute are in the store.
func (s *IDs) Stored(m timeline.Minute) { s.cold.minutes[m] = false }

// forgot notes that ids of [from, to) are in memory no longer.
func (s *IDs) forgot(from, to int64) {
	s.cold.warm = timeline.Span{}
	for m, end := (timeline.Span{From: from, To: to}).Minutes(); m < end; m++ {
		if _, known := s.cold.minutes[m]; !known && s.bounds.Hold(m) {
			s.cold.minutes[m] = false
		}
	}
}

// Awaits reports whether a record of the batch is of a cold minute, and has those loaded.
func (s *IDs) Awaits(b *wire.Batch) (wait bool) {
	if len(s.cold.minutes) == 0 {
		return false
	}
	for i := range b.Frames {
		f := &b.Frames[i]
		if ms := f.ID.Milli(); f.Kind == wire.Record && (ms < s.cold.warm.From || ms >= s.cold.warm.To) && s.isCold(ms) {
			wait = true
		}
	}
	return wait
}

func (s *IDs) isCold(ms int64) bool {
	m := timeline.MinuteOf(ms)
	if _, cold := s.cold.minutes[m]; cold {
		s.Want(m)
		return true
	}
	s.cold.warm = m.Span()
	return false
}

// Want has the minute's ids loaded, if they are cold.
func (s *IDs) Want(m timeline.Minute) {
	if loading, cold := s.cold.minutes[m]; cold && !loading {
		s.cold.minutes[m] = true
		s.cold.asked[m]++
		s.cold.since = s.now
		s.cold.wanted = append(s.cold.wanted, m)
	}
}

// TakeWanted adds the minutes that are to be loaded, each once.
func (s *IDs) TakeWanted(to []timeline.Minute) []timeline.Minute {
	to = append(to, s.cold.wanted...)
	s.cold.wanted = s.cold.wanted[:0]
	return to
}

// Loaded takes a load, together with ids of the minute that were on their way to the store, which the load may have
// missed, and reports whether the minute is warm by it. One that had been given up may come when the minute is cold once
// more: it knows nothing of the ids that went to the store since, so the minute stays cold.
func (s *IDs) Loaded(m timeline.Minute, ids, onTheWay []snowflake.ID) (warm bool) {
	s.cold.asked[m]--
	late := s.cold.asked[m] > 0
	if !late {
		delete(s.cold.asked, m)
	}
	if !late && s.cold.minutes[m] {
		s.warm(m, ids, onTheWay)
		return true
	}
	s.mark(ids)
	return false
}

// warm takes the ids of a minute. Ids that the store lost cost repeats, and nothing else.
func (s *IDs) warm(m timeline.Minute, ids, onTheWay []snowflake.ID) {
	s.mark(ids)
	s.mark(onTheWay)
	delete(s.cold.minutes, m)
	s.cold.since = s.now
}

func (s *IDs) mark(ids []snowflake.ID) {
	for _, id := range ids {
		s.ids.Mark(id, s.now, StoredWitness)
	}
}

// Overdue are the minutes whose loads take too long.
func (s *IDs) Overdue() (all []timeline.Minute) {
	if s.now.Sub(s.cold.since) < LoadPatience {
		return nil
	}
	return s.Loading()
}

// Loading are the minutes that are waited for.
func (s *IDs) Loading() (all []timeline.Minute) {
	for m, loading := range s.cold.minutes {
		if loading {
			all = append(all, m)
		}
	}
	return all
}

// GiveUp judges records of the minute without what the store has of it: repeats are better than a live stream that stands
// still where a disk hangs.
func (s *IDs) GiveUp(m timeline.Minute, onTheWay []snowflake.ID) { s.warm(m, nil, onTheWay) }

// InStore takes ids that are in the store from now on: loads under way may have begun before.
func (s *IDs) InStore(groups []ledger.IDs) {
	for i := range groups {
		if s.cold.minutes[groups[i].Minute] {
			s.mark(groups[i].IDs)
		}
	}
}

// ForgetBefore drops what is too old to be asked for.
func (s *IDs) ForgetBefore(before timeline.Minute) {
	for m, loading := range s.cold.minutes {
		if m < before && !loading {
			delete(s.cold.minutes, m)
		}
	}
}

// Cool forgets the ids of minutes before newest that a request has brought and that are safe in the store: nobody will
// ask for them again, and five days of them would not fit.
func (s *IDs) Cool(minutes []timeline.Minute, newest timeline.Minute) {
	for _, m := range slices.Compact(minutes) {
		if m < newest {
			s.ids.Drop(m.Milli(), (m + 1).Milli())
		}
	}
}
