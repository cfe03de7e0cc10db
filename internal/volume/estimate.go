package volume

import (
	"math"
	"math/bits"
)

const (
	// fewest and thinnest: with fewer Tweets seen by two connections than seven, Chapman's estimator is biased (Robson and
	// Regier 1964); with less than a tenth seen twice, it rests on the assumption of independence alone.
	fewest, thinnest = 7, 10
	// normal975 is the 97.5 % quantile of the normal distribution.
	normal975 = 1.959964
)

// Estimate is how many Tweets no live connection delivered, by capture-recapture. It assumes that connections lose
// independently of each other: what they lose together it does not see, and so is too low.
type Estimate struct {
	Missed    float64 // Tweets
	Error     float64 // standard error of Missed
	Low, High float64 // interval of 95 %, whole numbers
	Known     bool    // false: connections overlap too little, or there are not two of them
}

// cells are the sums of capture histories that the estimate needs.
type cells struct {
	once   []float64 // by connection: Tweets that it alone delivered
	twice  float64   // Tweets that exactly two delivered
	seen   float64
	shared float64 // Tweets that two or more delivered
}

func cellsOf(histories []int64) (c cells) {
	c.once = make([]float64, bits.Len(uint(len(histories)-1)))
	for set := 1; set < len(histories); set++ {
		n := float64(histories[set])
		c.seen += n
		switch bits.OnesCount(uint(set)) {
		case 1:
			c.once[bits.TrailingZeros(uint(set))] += n
			continue
		case 2:
			c.twice += n
		}
		c.shared += n
	}
	return c
}

// EstimateOf is the estimate from the capture histories of a minute, indexed as Part.Histories.
//
// With two connections it is Lincoln and Petersen's with Chapman's correction (Chapman 1951) and Seber's variance (Seber
// 1982, 3.1). With more it is Chao's for sparse captures (Chao 1989, model Mt), of which Chapman's is the case of two: it uses
// the Tweets delivered by one and by two connections, is consistent under independence whatever each of them loses,
// and is a lower bound where some Tweets are lost more easily than others.
func EstimateOf(histories []int64) Estimate {
	if len(histories) < 4 {
		return Estimate{}
	}
	c := cellsOf(histories)
	if c.shared < fewest || c.shared*thinnest < c.seen {
		return Estimate{}
	}
	missed, variance := c.chao()
	if len(c.once) == 2 {
		variance = c.seber()
	}
	low, high := c.interval()
	return Estimate{Missed: missed, Error: math.Sqrt(variance), Low: low, High: high, Known: true}
}

// chao is half the sum of the products of different Z over f2 + 1, and its variance as a prediction by the delta method
// on Poisson cells: that of the estimate, and that of what is estimated.
func (c *cells) chao() (missed, variance float64) {
	var f1, squares float64
	for _, z := range c.once {
		f1 += z
		squares += z * z
	}
	pairs, d := (f1*f1-squares)/2, c.twice+1
	missed = pairs / d
	variance = missed + pairs*pairs*c.twice/(d*d*d*d)
	for _, z := range c.once {
		variance += z * (f1 - z) * (f1 - z) / (d * d)
	}
	return missed, variance
}

// seber is the unbiased variance of Chapman's estimator.
func (c *cells) seber() float64 {
	a, b, m := c.once[0], c.once[1], c.twice
	return (a + m + 1) * (b + m + 1) * a * b / ((m + 1) * (m + 1) * (m + 2))
}

// interval is log-transformed (Chao 1987), so that it does not reach below what was seen, about an estimate from cells that
// are raised a little: an empty cell is not a proof that nothing falls into it. The number of Tweets is a whole one, so are its ends.
func (c *cells) interval() (low, high float64) {
	raised := cells{once: make([]float64, len(c.once)), twice: c.twice}
	for i, z := range c.once {
		raised.once[i] = z + 1/float64(2*len(c.once))
	}
	missed, variance := raised.chao()
	factor := math.Exp(normal975 * math.Sqrt(math.Log1p(variance/(missed*missed))))
	return math.Floor(missed / factor), math.Ceil(missed * factor)
}

// plus is the estimate for both together, which are independent.
func (e Estimate) plus(o Estimate) Estimate {
	sum := Estimate{Missed: e.Missed + o.Missed, Error: math.Hypot(e.Error, o.Error), Known: e.Known && o.Known}
	below := math.Hypot(e.Missed-e.Low, o.Missed-o.Low)
	above := math.Hypot(e.High-e.Missed, o.High-o.Missed)
	sum.Low, sum.High = math.Floor(max(0, sum.Missed-below)), math.Ceil(sum.Missed+above)
	return sum
}
