package volumes

import "math"

// Weather is how a stream strays from its season.
type Weather struct {
	Name   string
	Rate   float64 // mean Tweets a second and partition
	Drift  float64 // standard deviation of the slow deviation from the season, of hours, as a share
	Gust   float64 // the same of minutes
	Bursts float64 // a day: events that bring a fifth up to twice as much, and fade within an hour
	Split  float64 // variance of the split between partitions, in binomial variances
	Cuts   float64 // reconnects of a connection a day, 2 to 15 s each
	Seep   float64 // share of the Tweets that a connection misses at all times
}

// The weathers.
var (
	Calm  = Weather{Name: "calm", Rate: 200, Drift: 0.03, Gust: 0.003, Bursts: 0.3, Split: 1, Cuts: 2, Seep: 1e-4}
	Rough = Weather{Name: "rough", Rate: 200, Drift: 0.06, Gust: 0.01, Bursts: 1, Split: 1.5, Cuts: 6, Seep: 1e-3}
	Thin  = Weather{Name: "thin", Rate: 1, Drift: 0.03, Gust: 0.003, Bursts: 0.3, Split: 1, Cuts: 2, Seep: 1e-4}
)

const (
	day  = 24 * 60
	week = 7 * day
	// slow and short are the times, in minutes, over which drift and gust forget.
	slow, short = 180, 4
)

// season is the share of the mean rate at a minute: low at night, two peaks a day, less and later at the weekend.
func season(minute int) float64 {
	of := minute % week
	level, shift := 1.0, 0.0
	if of >= 5*day {
		level, shift = 0.92, 60
	}
	hour := 2 * math.Pi * (float64(of%day) - shift) / day
	return level * (1 - 0.4*math.Cos(hour-0.6) + 0.1*math.Sin(2*hour))
}

// sky is the state of the weather.
type sky struct{ drift, pull, gust, burst float64 }

// pass lets a minute pass, and returns the factor on the season. Drift is critically damped, so it has no steps.
func (k *sky) pass(w *Weather, d *dice) float64 {
	k.pull += (-2*k.pull/slow - k.drift/(slow*slow)) + w.Drift*2/(slow*math.Sqrt(slow))*d.normal()
	k.drift += k.pull
	decay := math.Exp(-1.0 / short)
	k.gust = k.gust*decay + w.Gust*math.Sqrt(1-decay*decay)*d.normal()
	if d.Float64() < w.Bursts/day {
		k.burst += 0.2 + 0.8*d.Float64()
	}
	k.burst *= math.Exp(-1.0 / 15)
	return math.Exp(k.drift+k.gust) * (1 + k.burst)
}
