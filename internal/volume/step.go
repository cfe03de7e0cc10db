package volume

import (
	"math"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// reference is the time before a window that it is measured against, in blocks of some minutes.
	reference, longReference, block = 20, 180, 5
	// stepLengths is how many of lengths are used: over an hour the level of a day wanders more than a loss moves it.
	stepLengths = 3
	// patience is how long a fallen level is held against the one before; then it is the new level.
	patience = 6 * 60
	// stepMargin widens the limit: events make the tail heavier than normal (measured, docs/volumes.md).
	stepMargin = 1.35
)

// steps find sudden falls: the mean deviation from the season over a window, against the time just before it. Slow changes that
// the season does not explain, such as of a holiday, are in both.
type steps struct {
	deviation  sums
	spreads    [stepLengths]spread
	limit      float64 // in standard deviations
	usual      float64 // the median of three hours, as of usualAt
	usualKnown bool
	usualAt    timeline.Minute
	window     int // while held: the shortest window that fell
	holds      bool
	held       float64 // the deviation before the fall
	since      timeline.Minute
}

func newSteps(perDay float64) *steps {
	s := &steps{limit: stepMargin * quantile(perDay/(day*stepLengths))}
	for i := range s.spreads {
		s.spreads[i] = newSpread(512, true)
	}
	return s
}

// add takes a minute's deviation from the season, as a share of it, and learns how far windows stray.
func (s *steps) add(m timeline.Minute, deviation float64) {
	s.deviation.add(m, deviation)
	for i := range s.spreads {
		if s.holds || m%max(15, lengths[i]) != 0 {
			continue
		}
		if before, ok := s.before(lengths[i]); ok {
			if x, ok := s.fall(i, before); ok && x < 0 {
				s.spreads[i].add(x)
			}
		}
	}
}

// judge says by which share the stream fell, and whether it did. floor is the least spread that is assumed; together says whether a
// window shows the fall in every partition.
func (s *steps) judge(m timeline.Minute, expected, floor float64, together func(length timeline.Minute, fell float64) bool) (fell float64, bad bool) {
	if s.holds {
		return s.hold(m, expected, floor)
	}
	for i := range s.spreads {
		before, ok := s.before(lengths[i])
		if !ok || !s.spreads[i].known() {
			continue
		}
		x, ok := s.fall(i, before)
		if ok && -x > s.limit*s.sigma(i, expected, floor) && together(lengths[i], -x) {
			s.holds, s.held, s.window, s.since = true, before, i, m
			return -x, true
		}
	}
	return 0, false
}

// hold says whether the fall lasts: the window that saw it is still less than halfway up.
func (s *steps) hold(m timeline.Minute, expected, floor float64) (fell float64, bad bool) {
	for i := range s.window {
		if x, ok := s.fall(i, s.held); ok && -x > s.limit*s.sigma(i, expected, floor) {
			s.window = i
			break
		}
	}
	x, ok := s.fall(s.window, s.held)
	return -x, ok && -x > s.limit/2*s.sigma(s.window, expected, floor) && m-s.since < patience
}

// forget starts anew: what fell has risen again, or is the new level.
func (s *steps) forget() {
	s.holds = false
	s.deviation.forget()
}

// fall is by which share the newest window lies above (+) or below (-) the level before.
func (s *steps) fall(i int, before float64) (float64, bool) {
	sum, n := s.deviation.over(0, lengths[i])
	if n == 0 || timeline.Minute(n) < (lengths[i]+1)/2 {
		return 0, false
	}
	return (1+sum/float64(n))/(1+before) - 1, true
}

// before is the level of the time before a window: the median of some minutes, or of three hours if that is less, so that the
// end of an event is no fall.
func (s *steps) before(length timeline.Minute) (float64, bool) {
	level, ok := s.median(length, length+reference)
	if !ok {
		return 0, false
	}
	if usual, ok := s.threeHours(); ok {
		level = min(level, usual)
	}
	return level, level > -1
}

// threeHours is the median of the three hours before the longest window. All windows share it.
func (s *steps) threeHours() (float64, bool) {
	if s.usualAt != s.deviation.at {
		longest := lengths[stepLengths-1]
		s.usual, s.usualKnown = s.median(longest, longest+longReference)
		s.usualAt = s.deviation.at
	}
	return s.usual, s.usualKnown
}

// median is the median over blocks of the minutes that are at least from and less than to old.
func (s *steps) median(from, to timeline.Minute) (float64, bool) {
	var means [longReference / block]float64
	n := 0
	for at := from; at < to; at += block {
		if sum, count := s.deviation.over(at, at+block); count > 0 {
			means[n] = sum / float64(count)
			n++
		}
	}
	if timeline.Minute(n) < (to-from)/block/2 {
		return 0, false
	}
	slices.Sort(means[:n])
	return (means[(n-1)/2] + means[n/2]) / 2, true
}

// sigma is how far a window strays by chance: as learned, and at least by the noise of counting, of which the median of
// the reference has π/2 as much as its mean.
func (s *steps) sigma(i int, expected, floor float64) float64 {
	counting := math.Sqrt((1/float64(lengths[i]) + math.Pi/2/reference) / expected)
	return max(s.spreads[i].sigma, counting, floor)
}
