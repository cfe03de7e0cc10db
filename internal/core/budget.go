package core

import (
	"slices"
	"time"
)

// budget is X's limit of connect attempts (10 per 60 s, Decahose page, shared by all connections of
// the stream): a sliding log, not a refilled bucket. An attempt holds its slot from its start until
// one period after it got response headers or failed.
type budget struct {
	limit    int
	period   time.Duration
	inFlight int
	ended    []time.Time // attempts that ended within the period, oldest first
}

// left is how many attempts may start now.
func (b *budget) left(now time.Time) int {
	n := 0
	for n < len(b.ended) && now.Sub(b.ended[n]) >= b.period {
		n++
	}
	b.ended = append(b.ended[:0], b.ended[n:]...)
	return max(0, b.limit-b.inFlight-len(b.ended))
}

func (b *budget) start() { b.inFlight++ }

func (b *budget) end(now time.Time) {
	b.inFlight--
	b.ended = append(b.ended, now)
}

// free is when the next slot is free again, if none is in flight.
func (b *budget) free(now time.Time) time.Time {
	if len(b.ended) == 0 {
		return now.Add(b.period)
	}
	return b.ended[0].Add(b.period)
}

// wall are the ends of the attempts that still count, as Unix ns of this host's clock, which says wall now.
func (b *budget) wall(now time.Time, wall int64) []int64 {
	b.left(now)
	ends := make([]int64, 0, len(b.ended)+b.inFlight)
	for _, at := range b.ended {
		ends = append(ends, wall-now.Sub(at).Nanoseconds())
	}
	for range b.inFlight {
		ends = append(ends, wall)
	}
	return ends
}

// restore puts back what an earlier process used, however the clock was set meanwhile.
func (b *budget) restore(now time.Time, wall int64, ends []int64) {
	for _, at := range ends {
		if age := time.Duration(wall - at); age < b.period {
			b.ended = append(b.ended, now.Add(-max(0, age)))
		}
	}
	slices.SortFunc(b.ended, time.Time.Compare)
}

// jitter is a small generator (splitmix64) seeded at the start, since pure code asks nobody for
// randomness.
type jitter struct{ state uint64 }

func newJitter(seed uint64) jitter { return jitter{seed} }

// of returns d plus up to a tenth of it.
func (j *jitter) of(d time.Duration) time.Duration {
	j.state += 0x9e3779b97f4a7c15
	z := j.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return d + time.Duration(float64(d)*0.1*float64(z>>11)/(1<<53))
}

// pause is a wait that doubles each time it is taken.
type pause struct {
	next  time.Duration
	until time.Time
}

// over reports whether the last wait has passed.
func (p *pause) over(now time.Time) bool { return !now.Before(p.until) }

// take starts the next wait.
func (p *pause) take(now time.Time, first, most time.Duration) {
	p.next = min(max(p.next, first), most)
	p.until = now.Add(p.next)
	p.next *= 2
}

func (p *pause) reset() { *p = pause{} }
