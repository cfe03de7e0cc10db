package volume

import (
	"math"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// young floors, as shares: with less than three weeks the history knows neither weekends nor itself.
	youngSeason, youngStep = 0.15, 0.06
	// settled is how many deviations, one per quarter of an hour, make the spread of the season: a day of them.
	settled = 96
	// margin widens the limit, as its scale was learned and may be too small.
	margin = 1.2
)

// season says what a minute should hold by the same minute of earlier weeks, and how far it lies from it.
type season struct {
	history history
	spread  spread
	limit   float64 // in standard deviations
}

func newSeason(perDay float64) *season {
	return &season{spread: newSpread(7*settled, true), limit: margin * quantile(perDay/day)}
}

// weighed is a minute against what was to be expected.
type weighed struct {
	expected  float64
	deviation float64 // share above or below expected
	score     float64 // the same in standard deviations; 0 while learning
	known     bool    // expected and deviation mean something
	settled   bool    // score does
	young     bool
}

// weigh compares, and changes nothing.
func (s *season) weigh(m timeline.Minute, count int64) weighed {
	expected, known, ok := s.history.expect(m)
	if !ok {
		return weighed{young: true}
	}
	w := weighed{expected: expected, known: true, young: known < mature}
	w.deviation = float64(count)/expected - 1
	w.settled = len(s.spread.values) >= settled
	if w.settled {
		w.score = w.deviation / max(s.spread.sigma, w.floor(youngSeason), 1/math.Sqrt(expected))
	}
	return w
}

// floor is the least spread that is assumed.
func (w *weighed) floor(young float64) float64 {
	if w.young {
		return young
	}
	return 0
}

// learn puts a whole minute into the history.
func (s *season) learn(m timeline.Minute, count int64) {
	if m%15 == 0 && (!s.history.some || m > s.history.newest) {
		if w := s.weigh(m, count); w.known {
			s.spread.add(w.deviation)
		}
	}
	s.history.put(m, count)
}

func (s *season) level(w *weighed) Level {
	switch {
	case !w.settled:
		return Learning
	case w.score <= -s.limit:
		return Low
	case w.score >= s.limit:
		return High
	}
	return Normal
}
