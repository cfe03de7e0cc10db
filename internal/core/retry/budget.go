package retry

import (
	"slices"
	"time"
)

// Budget is X's limit of connect attempts (10 per 60 s, Decahose page, shared by all connections of
// the stream): a sliding log, not a refilled bucket. An attempt holds its slot from its start until
// one period after it got response headers or failed.
type Budget struct {
	limit    int
	period   time.Duration
	inFlight int
	ended    []time.Time // attempts that ended within the period, oldest first
}

// NewBudget returns a budget of so many attempts a period, none of them used.
func NewBudget(limit int, period time.Duration) Budget { return Budget{limit: limit, period: period} }

// Left is how many attempts may start now.
func (b *Budget) Left(now time.Time) int {
	n := 0
	for n < len(b.ended) && now.Sub(b.ended[n]) >= b.period {
		n++
	}
	b.ended = append(b.ended[:0], b.ended[n:]...)
	return max(0, b.limit-b.inFlight-len(b.ended))
}

// Start takes the slot of an attempt that starts.
func (b *Budget) Start() { b.inFlight++ }

// End lets the slot of an attempt, which got response headers or failed, run out.
func (b *Budget) End(now time.Time) {
	b.inFlight--
	b.ended = append(b.ended, now)
}

// Withdraw gives back the slot of an attempt that was never made.
func (b *Budget) Withdraw() { b.inFlight-- }

// Used is how many slots are taken, of which inFlight by attempts under way.
func (b *Budget) Used() (used, inFlight int) { return b.inFlight + len(b.ended), b.inFlight }

// Free is when the next slot is free again, if none is in flight.
func (b *Budget) Free(now time.Time) time.Time {
	if len(b.ended) == 0 {
		return now.Add(b.period)
	}
	return b.ended[0].Add(b.period)
}

// Wall are the ends of the attempts that still count, as Unix ns of this host's clock, which says wall now.
func (b *Budget) Wall(now time.Time, wall int64) []int64 {
	b.Left(now)
	ends := make([]int64, 0, len(b.ended)+b.inFlight)
	for _, at := range b.ended {
		ends = append(ends, wall-now.Sub(at).Nanoseconds())
	}
	for range b.inFlight {
		ends = append(ends, wall)
	}
	return ends
}

// Restore puts back what an earlier process used, however the clock was set meanwhile.
func (b *Budget) Restore(now time.Time, wall int64, ends []int64) {
	for _, at := range ends {
		if age := time.Duration(wall - at); age < b.period {
			b.ended = append(b.ended, now.Add(-max(0, age)))
		}
	}
	slices.SortFunc(b.ended, time.Time.Compare)
}
