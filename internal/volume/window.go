package volume

import "github.com/decahose/telegraf-decahose/internal/timeline"

// lengths are the windows, in minutes, over which a deviation is looked for: the short find what is large at once, the
// long find what is small at last.
var lengths = [...]timeline.Minute{1, 5, 15, 60, 240}

// span is how many minutes are remembered: the longest window, which is also longer than what a step is measured against.
const span = 240

// sums are the sums of a value over any of the last minutes, minutes without one left out.
type sums struct {
	at      timeline.Minute
	started bool
	total   [span + 1]float64 // up to and with each minute, a ring
	count   [span + 1]int32
}

func (s *sums) slot(m timeline.Minute) int { return int(((m % (span + 1)) + span + 1) % (span + 1)) }

// add takes the value of minute m. One that is not later than all before is not taken.
func (s *sums) add(m timeline.Minute, x float64) {
	if s.started && m <= s.at {
		return
	}
	if !s.started || m-s.at > span {
		*s = sums{at: m - 1, started: true}
	}
	for s.at < m-1 {
		s.step(0, 0)
	}
	s.step(x, 1)
}

func (s *sums) step(x float64, n int32) {
	was := s.slot(s.at)
	s.at++
	is := s.slot(s.at)
	s.total[is], s.count[is] = s.total[was]+x, s.count[was]+n
}

// over is the sum of the minutes that are at least from and less than to minutes old, and how many they are; the newest is 0 old.
func (s *sums) over(from, to timeline.Minute) (sum float64, n int32) {
	hi, lo := s.slot(s.at-from), s.slot(s.at-to)
	return s.total[hi] - s.total[lo], s.count[hi] - s.count[lo]
}

// forget drops all minutes, so that what was found in them is not found again.
func (s *sums) forget() { *s = sums{} }
