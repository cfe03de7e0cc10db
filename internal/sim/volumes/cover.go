package volumes

import (
	"math"

	"github.com/decahose/telegraf-decahose/internal/volume"
)

// Capture is a minute of which connections lose Tweets: each its own share, independently, and all of them together another.
type Capture struct {
	Offered  int64     // Tweets, in the mean
	Own      []float64 // by connection: the share that it loses by itself
	Together float64   // the share that all of them lose, such as on a road that they share
}

// Coverage is how well the estimate knows what all connections missed.
type Coverage struct {
	Minutes  int
	Known    int     // minutes with an estimate
	Covered  int     // of those, minutes whose interval holds the truth
	Missed   float64 // mean Tweets that all connections missed, where there is an estimate
	Estimate float64 // mean estimate
	Error    float64 // mean standard error
	Wander   float64 // root of the mean square of estimate - truth, which Error should be
}

// Share is the share of the intervals that hold the truth.
func (c *Coverage) Share() float64 { return float64(c.Covered) / float64(max(1, c.Known)) }

// Cover draws minutes and compares the estimate with the truth.
func Cover(c Capture, minutes int, seed uint64) Coverage {
	d := newDice(seed)
	out := Coverage{Minutes: minutes}
	histories := make([]int64, 1<<len(c.Own))
	for range minutes {
		offered := d.poisson(float64(c.Offered))
		together := d.binomial(offered, c.Together)
		out.add(float64(together+capture(d, offered-together, c.Own, histories)), volume.EstimateOf(histories))
	}
	n := float64(max(1, out.Known))
	out.Missed, out.Estimate, out.Error, out.Wander = out.Missed/n, out.Estimate/n, out.Error/n, math.Sqrt(out.Wander/n)
	return out
}

func (c *Coverage) add(missed float64, e volume.Estimate) {
	if !e.Known {
		return
	}
	c.Known++
	if e.Low <= missed && missed <= e.High {
		c.Covered++
	}
	c.Missed += missed
	c.Estimate += e.Missed
	c.Error += e.Error
	c.Wander += (e.Missed - missed) * (e.Missed - missed)
}
