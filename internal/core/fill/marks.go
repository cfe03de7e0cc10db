package fill

import (
	"maps"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// countsMost is how often a minute is asked for whose count does not agree with what came, or that is thin.
const countsMost = 3

// thinLong is how long a minute that stands though it is thin is an alarm.
const thinLong = 30 * time.Minute

// Marks are the filled minutes that are not proven to be full.
type Marks struct {
	minutes map[timeline.Minute]*mark
}

// NewMarks returns none.
func NewMarks() Marks { return Marks{make(map[timeline.Minute]*mark)} }

type mark struct {
	ledger.FillRecord
	unsaved bool
}

// of is what is known of the minute, begun if nothing is.
func (f *Marks) of(m timeline.Minute) *mark {
	k := f.minutes[m]
	if k == nil {
		k = &mark{FillRecord: ledger.FillRecord{Minute: m}}
		f.minutes[m] = k
	}
	return k
}

// Doubt counts that a minute was asked for and did not come as it should, and reports whether it stands so.
func (f *Marks) Doubt(m timeline.Minute) (stands bool) {
	k := f.of(m)
	k.Times++
	k.State, k.unsaved = ledger.FillDoubted, true
	return k.Times >= countsMost
}

// Again forgets what was found of minutes that an operator wants anew.
func (f *Marks) Again(first, end timeline.Minute) {
	for m := first; m < end; m++ {
		f.clear(m)
	}
}

// clear says that the minute is full, or that nothing is known of it.
func (f *Marks) clear(m timeline.Minute) {
	if k := f.minutes[m]; k != nil {
		*k = mark{ledger.FillRecord{Minute: m}, true}
	}
}

func (f *Marks) ForgetBefore(before timeline.Minute) {
	maps.DeleteFunc(f.minutes, func(m timeline.Minute, _ *mark) bool { return m < before })
}

// Count is how many minutes stand in a state.
func (f *Marks) Count(state ledger.FillState) (n int64) {
	for _, k := range f.minutes {
		if k.State == state {
			n++
		}
	}
	return n
}

// Thin are the minutes that were taken as recovered a while ago though they are thin, in order.
func (f *Marks) Thin(wall int64) (all []ledger.FillRecord) {
	for _, m := range slices.Sorted(maps.Keys(f.minutes)) {
		if k := f.minutes[m]; k.State == ledger.FillThin && wall-k.At < thinLong.Nanoseconds() {
			all = append(all, k.FillRecord)
		}
	}
	return all
}

// State is the state of a filled minute's fullness.
func (f *Marks) State(m timeline.Minute) ledger.FillState {
	if k := f.minutes[m]; k != nil {
		return k.State
	}
	return ledger.FillFull
}

// Record is what is known of a filled minute, nil: nothing.
func (f *Marks) Record(m timeline.Minute) *ledger.FillRecord {
	if k := f.minutes[m]; k != nil {
		return &k.FillRecord
	}
	return nil
}

// ThinIn is how many minutes of a gap stand though they are thin.
func (f *Marks) ThinIn(g *ledger.Gap) (n int64) {
	for m, end := g.Minutes(); m < end && g.State == ledger.GapRecovered; m++ {
		if f.State(m) == ledger.FillThin {
			n++
		}
	}
	return n
}

// Mark notes, at Unix ns of this host, how full a minute is that counts as filled from now on.
func (f *Marks) Mark(m timeline.Minute, w Weighed, by string, wall int64) {
	state := ledger.FillUnproven
	switch w.Fullness {
	case refill.Full:
		f.clear(m)
		return
	case refill.Thin:
		state = ledger.FillThin
	}
	k := f.of(m)
	k.FillRecord = ledger.FillRecord{Minute: m, State: state, By: by, Held: w.Held, Expected: w.Expected, Times: k.Times, At: wall}
	k.unsaved = true
}

// Disbelieve notes that a backfill brought too little of the minute, and reports whether that was not known.
func (f *Marks) Disbelieve(m timeline.Minute) bool {
	k := f.of(m)
	if k.State == ledger.FillDoubted {
		return false
	}
	k.State, k.unsaved = ledger.FillDoubted, true
	return true
}

// Doubted reports whether the minute was asked for so often that it stands as it is.
func (f *Marks) Doubted(m timeline.Minute) bool { return f.of(m).Times >= countsMost }

// TakeRecords are the rows that changed. A minute that is full is told once, and forgotten.
func (f *Marks) TakeRecords() (all []ledger.FillRecord) {
	for _, m := range slices.Sorted(maps.Keys(f.minutes)) {
		k := f.minutes[m]
		if !k.unsaved {
			continue
		}
		k.unsaved = false
		all = append(all, k.FillRecord)
		if k.State == ledger.FillFull {
			delete(f.minutes, m)
		}
	}
	return all
}

// Return takes back rows that could not be stored.
func (f *Marks) Return(records []ledger.FillRecord) {
	for _, r := range records {
		if k := f.minutes[r.Minute]; k != nil {
			k.unsaved = true
		} else {
			f.minutes[r.Minute] = &mark{r, true}
		}
	}
}

// Restore takes over rows as they were stored.
func (f *Marks) Restore(records []ledger.FillRecord) {
	for _, r := range records {
		if r.State != ledger.FillFull {
			f.minutes[r.Minute] = &mark{FillRecord: r}
		}
	}
}
