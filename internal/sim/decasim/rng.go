package decasim

import (
	"math"
	"math/bits"
)

// rng is splitmix64: one word of state, so that a generator per Tweet costs nothing and any
// Tweet can be made without making those before it.
type rng uint64

// mix scatters x over all 64 bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// newRNG returns the generator of one thing: salt says which kind of thing, key which one.
func newRNG(seed, salt, key uint64) rng {
	return rng(mix(seed ^ mix(salt*0x9e3779b97f4a7c15+key)))
}

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// n is uniform in [0, k).
func (r *rng) n(k int) int {
	hi, _ := bits.Mul64(r.next(), uint64(k))
	return int(hi)
}

// between is uniform in [lo, hi].
func (r *rng) between(lo, hi int) int { return lo + r.n(hi-lo+1) }

// float is uniform in [0, 1).
func (r *rng) float() float64 { return float64(r.next()>>11) / (1 << 53) }

func (r *rng) chance(p float64) bool { return r.float() < p }

// zipf is in [0, k), small values far more often: roughly the frequencies of words and of users.
func (r *rng) zipf(k int) int {
	u := r.float()
	return int(float64(k) * u * u * u)
}

// scale is log-uniform in [1, most]: the shape of follower counts.
func (r *rng) scale(most float64) int { return int(math.Exp(r.float() * math.Log(most))) }

// poisson draws the number of arrivals where lambda are expected.
func (r *rng) poisson(lambda float64) int {
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
func (r *rng) normal() float64 {
	sum := -6.0
	for range 12 {
		sum += r.float()
	}
	return sum
}
