package volumes

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/volume"
)

// thorough skips what simulates months where -short asks for less, such as under the race detector, which has nothing to find here.
func thorough(t *testing.T) {
	if testing.Short() {
		t.Skip("months of counts")
	}
}

// These are the checks of `make volumes`, on few days. Seeds are fixed, so they cannot fail by chance.

func TestFewFalseAlarms(t *testing.T) {
	thorough(t)
	for _, w := range []Weather{Calm, Rough, Thin} {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			q := Listen(w, Warm, 30, 3)
			require.LessOrEqual(t, q.All(), 1, "%v %v", q.Alarms, q.First)
		})
	}
	t.Run("without history", func(t *testing.T) {
		t.Parallel()
		q := Listen(Calm, 0, 28, 4)
		require.LessOrEqual(t, q.All(), 1, "%v %v", q.Alarms, q.First)
	})
}

func TestLossesAreNoticed(t *testing.T) {
	thorough(t)
	for _, c := range []struct {
		loss  Loss
		share float64
		p50   int
	}{
		{Loss{Connection, 0.01}, 1, 40},
		{Loss{Connection, 1}, 1, 1},
		{Loss{Each, 0.2}, 1, 5},
		{Loss{Partition, 0.01}, 0.8, 180},
		{Loss{Partition, 0.2}, 1, 1},
		{Loss{Everything, 0.2}, 1, 2},
	} {
		t.Run(fmt.Sprintf("%g of %s", c.loss.Share, c.loss.Place), func(t *testing.T) {
			t.Parallel()
			d := Lose(Calm, c.loss, 10, 10, 5)
			require.Equal(t, 10, d.Losses)
			require.GreaterOrEqual(t, d.Noticed(), c.share)
			require.LessOrEqual(t, d.Quantile(0.5), c.p50)
			require.Positive(t, d.Quantile(0.5))
			if c.loss.Place != Each { // of which a partition that falls behind is a part
				require.LessOrEqual(t, d.Misled, 1)
			}
		})
	}
}

func TestIntervalsHoldTheTruth(t *testing.T) {
	for _, own := range [][]float64{{0.001, 0.001}, {0.05, 0.05}, {0.5, 0.5}, {0.01, 0.3}, {0.2, 0.2, 0.2}, {0.01, 0.1, 0.5}, {0.5, 0.5, 0.5, 0.5}} {
		for _, offered := range []int64{200, 12_000} {
			c := Cover(Capture{Offered: offered, Own: own}, 3000, 6)
			require.GreaterOrEqual(t, c.Share(), 0.9, "%v of %d", own, offered)
			require.Greater(t, c.Known, c.Minutes*9/10)
			require.InDelta(t, c.Missed, c.Estimate, 4*c.Wander/math.Sqrt(float64(c.Known))+0.01, "%v of %d: not biased", own, offered)
			require.InDelta(t, c.Wander, c.Error, 0.15*c.Wander+0.05, "%v of %d: the error is as stated", own, offered)
		}
	}
}

func TestWhatIsLostTogetherIsNotSeen(t *testing.T) {
	c := Cover(Capture{Offered: 12_000, Own: []float64{0.01, 0.01}, Together: 0.05}, 1000, 7)
	require.Greater(t, c.Missed, 500.0)
	require.Less(t, c.Estimate, 2.0)
	require.Less(t, c.Share(), 0.01)
}

func TestASeedIsAStream(t *testing.T) {
	one, same, other := NewStream(Rough, 1), NewStream(Rough, 1), NewStream(Rough, 2)
	differs := false
	for range 100 {
		m, s, o := one.Next(Loss{}), same.Next(Loss{}), other.Next(Loss{})
		require.Equal(t, m, s)
		require.Equal(t, m.Minute, o.Minute)
		differs = differs || m.Parts[0].Unique != o.Parts[0].Unique
	}
	require.True(t, differs)
	require.Equal(t, Listen(Rough, 1, 2, 9), Listen(Rough, 1, 2, 9))
}

func TestCountsAddUp(t *testing.T) {
	s := NewStream(Rough, 8)
	for range 500 {
		m := s.Next(Loss{Place: Each, Share: 0.1})
		for i, p := range m.Parts {
			offered := s.Missed(i + 1)
			for _, n := range p.Histories {
				offered += n
			}
			for _, n := range p.Seconds {
				offered -= int64(n)
			}
			require.Zero(t, offered)
			require.Equal(t, p.Unique, p.Histories[1]+p.Histories[2]+p.Histories[3])
			require.Equal(t, []int64{p.Histories[2], p.Histories[1]}, p.Missed)
		}
	}
}

// TestDice compares mean and variance with those of the distributions.
func TestDice(t *testing.T) {
	d := newDice(1)
	const draws = 200_000
	check := func(name string, mean, variance float64, draw func() int64) {
		var sum, squares float64
		for range draws {
			x := float64(draw())
			sum += x
			squares += x * x
		}
		m := sum / draws
		require.InDelta(t, mean, m, 5*math.Sqrt(variance/draws)+1e-9, name)
		require.InDelta(t, variance, squares/draws-m*m, 0.03*variance+5*math.Sqrt(variance/draws)+1e-9, name)
	}
	for _, mean := range []float64{0, 0.01, 3, 49, 51, 200} {
		check(fmt.Sprintf("poisson %g", mean), mean, mean, func() int64 { return d.poisson(mean) })
	}
	for _, n := range []int64{0, 1, 100, 12_000} {
		for _, p := range []float64{0, 0.0001, 0.01, 0.3, 0.99, 1} {
			check(fmt.Sprintf("binomial %d %g", n, p), float64(n)*p, float64(n)*p*(1-p), func() int64 { return d.binomial(n, p) })
		}
	}
}

// TestTheSkyStraysAsFarAsStated compares the drift with its standard deviation.
func TestTheSkyStraysAsFarAsStated(t *testing.T) {
	d, w := newDice(2), Weather{Drift: 0.05}
	var k sky
	var squares float64
	const minutes = 400 * day
	for range minutes {
		k.pass(&w, d)
		squares += k.drift * k.drift
	}
	require.InEpsilon(t, w.Drift, math.Sqrt(squares/minutes), 0.1)
	require.Equal(t, volume.X, Everything.Kind())
}
