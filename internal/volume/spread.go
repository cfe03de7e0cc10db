package volume

import (
	"math"
	"slices"
)

// spread learns how far values lie from zero, as a standard deviation. Only the newest are kept.
type spread struct {
	values []float64 // a ring
	next   int
	sigma  float64
	sorted []float64
	tails  bool // heavy tails are looked for, too
}

func newSpread(keep int, tails bool) spread {
	return spread{values: make([]float64, 0, keep), sorted: make([]float64, keep), tails: tails}
}

// add takes a value. The standard deviation follows after each eighth part of what is kept, as sorting costs.
func (s *spread) add(x float64) {
	x = math.Abs(x)
	if len(s.values) < cap(s.values) {
		s.values = append(s.values, x)
	} else {
		s.values[s.next] = x
		s.next = (s.next + 1) % len(s.values)
	}
	if n := len(s.values); n == enough || n%8 == 0 && (n < cap(s.values) || s.next%(n/8) == 0) {
		s.sigma = s.measure()
	}
}

// enough values are needed before the spread is known: with fewer it may be too small by half.
const enough = 20

func (s *spread) known() bool { return len(s.values) >= enough }

// measure is the standard deviation of the normal distribution that has the same median distance from zero. Where events
// move the stream, tails are heavier than that: it is then the one that has the same 99th percentile, if that is wider.
func (s *spread) measure() float64 {
	c := s.sorted[:len(s.values)]
	copy(c, s.values)
	slices.Sort(c)
	sigma := (c[(len(c)-1)/2] + c[len(c)/2]) / 2 / 0.67449
	if s.tails {
		sigma = max(sigma, c[len(c)*99/100]/2.5758)
	}
	return sigma
}

// quantile is how many standard deviations a normal value exceeds with probability p, none if that is to be never.
func quantile(p float64) float64 {
	if p <= 0 {
		return math.Inf(1)
	}
	return math.Sqrt2 * math.Erfcinv(2*p)
}
