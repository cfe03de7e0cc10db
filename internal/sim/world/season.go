package world

import "math"

// Season is how the rate of a World goes up and down with the hour and the day of the week, in UTC. The rate of the World
// is the mean of its week.
type Season struct {
	Daily  float64 // how far the hour takes it from the mean, as a share of that: 0.4 is from 0.6 at 03:00 to 1.4 at 15:00
	Weekly float64 // the same of the day: 0.1 is from 0.9 on Sunday to 1.1 at the middle of the week
}

const (
	dayMilli    = 24 * 3600 * 1000
	weekMilli   = 7 * dayMilli
	peakOfDay   = 15 * 3600 * 1000 // 15:00
	peakOfWeek  = 6.5 * dayMilli   // from 1970-01-01 00:00, a Thursday, to a Wednesday's noon
	weekShifted = weekMilli - peakOfWeek
)

// At is what the season multiplies the rate by at a Unix millisecond, never negative.
func (s Season) At(ms int64) float64 {
	day := math.Cos(2 * math.Pi * float64(ms%dayMilli-peakOfDay) / dayMilli)
	week := math.Cos(2 * math.Pi * (float64(ms%weekMilli) + weekShifted) / weekMilli)
	return max(0, (1+s.Daily*day)*(1+s.Weekly*week))
}

// over is the season on top of another profile; nil where there is neither.
func (s Season) over(profile func(ms int64) float64) func(ms int64) float64 {
	switch {
	case s == Season{}:
		return profile
	case profile == nil:
		return s.At
	}
	return func(ms int64) float64 { return s.At(ms) * profile(ms) }
}
