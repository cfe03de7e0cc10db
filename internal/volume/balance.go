package volume

import (
	"math"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// tolerance is by which share of itself a partition may be smaller than its part, and no test says so: X says "50 %",
	// not to how many places.
	tolerance = 0.001
	// fewestDrawn is how many Tweets a window must hold for the normal distribution to stand for the binomial.
	fewestDrawn = 400
)

// balance tests whether each partition brings its part of the stream: given the total, its count is binomial. So what changes the total changes nothing,
// and what is lost on one side does. Counts that stray by more than the binomial allows, because partitions are not drawn
// Tweet by Tweet, are allowed for as far as they were seen to stray.
type balance struct {
	counts  []sums // by partition
	spreads [len(lengths)]spread
	windows []int // by partition: the shortest window that found it short; -1: none has
	limit   float64
}

func newBalance(partitions int, perDay float64) *balance {
	b := &balance{counts: make([]sums, partitions), windows: make([]int, partitions)}
	for i := range b.spreads {
		b.spreads[i] = newSpread(256, false)
	}
	b.limit = quantile(perDay / float64(day*len(lengths)*partitions))
	for i := range b.windows {
		b.windows[i] = -1
	}
	return b
}

// short is by how much a partition falls behind the others, and over which window.
type short struct {
	share  float64 // of its due, lost
	score  float64 // in standard deviations below its due
	window timeline.Minute
}

// add takes a minute that is whole in all partitions.
func (b *balance) add(m timeline.Minute, parts []Part) {
	for i := range parts {
		b.counts[i].add(m, float64(parts[i].Unique))
	}
	b.learn(m)
}

// learn takes how far the windows that end with minute m stray, unless something is wrong. The last partition's deviation
// follows from the others'.
func (b *balance) learn(m timeline.Minute) {
	for w, length := range lengths {
		if m%length != 0 || !b.calm() {
			continue
		}
		for i := range b.counts[:len(b.counts)-1] {
			if z, _, ok := b.stray(i, w, 0); ok {
				b.spreads[w].add(z)
			}
		}
	}
}

func (b *balance) calm() bool {
	for _, w := range b.windows {
		if w >= 0 {
			return false
		}
	}
	return true
}

// stray is how many binomial standard deviations partition i lies below its due, less a tolerated share of it, and which
// share of what the others bring it lacks.
func (b *balance) stray(i, w int, tolerated float64) (z, share float64, ok bool) {
	var total float64
	for j := range b.counts {
		sum, _ := b.counts[j].over(0, lengths[w])
		total += sum
	}
	if total < fewestDrawn {
		return 0, 0, false
	}
	own, _ := b.counts[i].over(0, lengths[w])
	k := float64(len(b.counts))
	due := total / k
	sigma := math.Sqrt(due * (1 - 1/k))
	return (due*(1-tolerated) - own) / sigma, 1 - own*(k-1)/(total-own), true
}

// judge says whether partition i falls short. Once it does, it does until the window that found it sees less than half of what
// it takes.
func (b *balance) judge(i int) (short, bool) {
	for w := range lengths {
		if s, bad := b.test(i, w, b.limit); bad && (b.windows[i] < 0 || w < b.windows[i]) {
			b.windows[i] = w
			return s, true
		}
	}
	if b.windows[i] < 0 {
		return short{}, false
	}
	return b.test(i, b.windows[i], b.limit/2)
}

func (b *balance) test(i, w int, limit float64) (short, bool) {
	if !b.spreads[w].known() {
		return short{}, false
	}
	z, share, ok := b.stray(i, w, tolerance)
	z /= max(1, b.spreads[w].sigma)
	return short{share: share, score: z, window: lengths[w]}, ok && z > limit
}

// forget starts anew, so that a long window does not find again what is over.
func (b *balance) forget() {
	for i := range b.counts {
		b.counts[i].forget()
		b.windows[i] = -1
	}
}
