package rng

import (
	"math"
	"math/bits"
)

// Rand is splitmix64: one word of state, so that a generator per Tweet costs nothing and any
// Tweet can be made without making those before it.
type Rand uint64

// Mix scatters x over all 64 bits (the finalizer of splitmix64).
func Mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Salts keep the generators of different things apart. Their order is what a seed means: new ones go to the end.
const (
	SaltMilli = iota + 1
	SaltPartition
	SaltRecord
	SaltUser
	SaltBody
	SaltEdit
	SaltVocabulary
	SaltPlay
	SaltConnection
	SaltPlan
	SaltSecond
	SaltLater
	SaltJob
	SaltLoss
	SaltLie
)

// New returns the generator of one thing: salt says which kind of thing, key which one.
func New(seed, salt, key uint64) Rand {
	return Rand(Mix(seed ^ Mix(salt*0x9e3779b97f4a7c15+key)))
}

// Next is uniform in all 64 bits.
func (r *Rand) Next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return Mix(uint64(*r))
}

// N is uniform in [0, k).
func (r *Rand) N(k int) int {
	hi, _ := bits.Mul64(r.Next(), uint64(k))
	return int(hi)
}

// Between is uniform in [lo, hi].
func (r *Rand) Between(lo, hi int) int { return lo + r.N(hi-lo+1) }

// float is uniform in [0, 1).
func (r *Rand) float() float64 { return float64(r.Next()>>11) / (1 << 53) }

// Chance is true with probability p.
func (r *Rand) Chance(p float64) bool { return r.float() < p }

// Zipf is in [0, k), small values far more often: roughly the frequencies of words and of users.
func (r *Rand) Zipf(k int) int {
	u := r.float()
	return int(float64(k) * u * u * u)
}

// Scale is log-uniform in [1, most]: the shape of follower counts.
func (r *Rand) Scale(most float64) int { return int(math.Exp(r.float() * math.Log(most))) }

// Poisson draws the number of arrivals where lambda are expected.
func (r *Rand) Poisson(lambda float64) int {
	if lambda <= 0 {
		return 0
	}
	if lambda > 30 {
		return max(0, int(lambda+math.Sqrt(lambda)*r.normal()+0.5))
	}
	limit, n := math.Exp(-lambda), 0
	for p := r.float(); p > limit; p *= r.float() {
		n++
	}
	return n
}

// normal is a standard normal deviate, near enough (the sum of twelve uniforms).
func (r *Rand) normal() float64 {
	sum := -6.0
	for range 12 {
		sum += r.float()
	}
	return sum
}
