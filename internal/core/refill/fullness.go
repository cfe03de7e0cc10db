package refill

import "math"

// Fullness says whether what was filled of a minute holds what it should.
type Fullness uint8

const (
	Unproven Fullness = iota // nothing says how many Tweets there should be, or they are too few to tell
	Full
	Thin
)

// Yardstick is how many Tweets there should be, and which share of them there must be at least: the farther away the
// evidence, the smaller. The zero Yardstick knows nothing.
type Yardstick struct {
	Expected int64
	Share    float64
}

// Shares of what is expected, by where that is known from.
const (
	// Near: of the same minute of the other partitions, or of minutes within an hour.
	Near = 2. / 3
	// Season: of the same minute of earlier weeks; days differ by some 15 %.
	Season = 1. / 2
	// Far: of hours before or behind; a night has a third of a day.
	Far = 1. / 4
)

// chance is how many standard deviations below its share a number may lie by chance.
const chance = 3

// Judge says whether so many Tweets are enough.
func (y Yardstick) Judge(held int64) Fullness {
	least := y.Share * float64(y.Expected)
	noise := chance * math.Sqrt(least)
	switch {
	case least <= noise:
		return Unproven
	case float64(held) < least-noise:
		return Thin
	}
	return Full
}

// Plus is what two parts should hold together.
func (y Yardstick) Plus(o Yardstick) Yardstick {
	return Yardstick{y.Expected + o.Expected, min(y.Share, o.Share)}
}

// Of is the yardstick of a part of the time.
func (y Yardstick) Of(part, whole int64) Yardstick {
	return Yardstick{y.Expected * part / whole, y.Share}
}
