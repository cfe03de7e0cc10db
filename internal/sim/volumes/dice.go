package volumes

import (
	"math"
	"math/rand/v2"
)

// dice draws from the distributions that counts have.
type dice struct{ *rand.Rand }

func newDice(seed uint64) *dice { return &dice{rand.New(rand.NewPCG(seed, 0xdeca))} }

func (d *dice) normal() float64 { return d.NormFloat64() }

// poisson is exact for small means, and rounded normal where the difference cannot matter.
func (d *dice) poisson(mean float64) int64 {
	if mean > 50 {
		return max(0, int64(math.Round(mean+math.Sqrt(mean)*d.normal())))
	}
	n, limit := int64(-1), math.Exp(-mean)
	for p := 1.0; p > limit; n++ {
		p *= d.Float64()
	}
	return max(0, n)
}

// binomial is exact where its variance is small: it leaps from one success to the next.
func (d *dice) binomial(n int64, p float64) int64 {
	switch {
	case p <= 0 || n == 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - d.binomial(n, 1-p)
	case float64(n)*p > 200:
		mean := float64(n) * p
		return min(n, max(0, int64(math.Round(mean+math.Sqrt(mean*(1-p))*d.normal()))))
	}
	k, at, log := int64(0), int64(0), math.Log1p(-p)
	for {
		at += 1 + int64(math.Log(1-d.Float64())/log)
		if at > n {
			return k
		}
		k++
	}
}
