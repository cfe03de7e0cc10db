package retry

import "time"

// Jitter is a small generator (splitmix64) seeded at the start, since pure code asks nobody for
// randomness.
type Jitter struct{ state uint64 }

// NewJitter returns the generator of a seed: 0 draws what scripts expect.
func NewJitter(seed uint64) Jitter { return Jitter{seed} }

// Of returns d plus up to a tenth of it.
func (j *Jitter) Of(d time.Duration) time.Duration {
	j.state += 0x9e3779b97f4a7c15
	z := j.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return d + time.Duration(float64(d)*0.1*float64(z>>11)/(1<<53))
}
