package volume

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuantile(t *testing.T) {
	for p, want := range map[float64]float64{0.5: 0, 0.1586553: 1, 0.025: normal975, 0.0013499: 3, 2.866516e-7: 5} {
		require.InDelta(t, want, quantile(p), 1e-5, p)
	}
	for _, never := range []float64{0, -1, math.Inf(-1)} {
		require.True(t, math.IsInf(quantile(never), 1))
	}
}

// TestLimitsAreThoseOfTheDocument: docs/volumes.md says from where on something is wrong, with two partitions and the default.
func TestLimitsAreThoseOfTheDocument(t *testing.T) {
	j := New(Config{Partitions: []int{1, 2}, Connections: 2})
	require.InDelta(t, 5.06, j.balance.limit, 0.005)
	require.InDelta(t, 5.8, j.all.limit, 0.05)
	require.InDelta(t, 6.5, j.steps.limit, 0.05)
	require.InDelta(t, 38, j.fewest, 0.5)
	require.Equal(t, j.all.limit, j.parts[1].season.limit)
	none := New(Config{Partitions: []int{1, 2}, Connections: 2, FalseAlarms: -1})
	for _, limit := range []float64{none.balance.limit, none.all.limit, none.steps.limit, none.fewest} {
		require.True(t, math.IsInf(limit, 1))
	}
	more := New(Config{Partitions: []int{1, 2}, Connections: 2, FalseAlarms: 1})
	require.Less(t, more.balance.limit, j.balance.limit, "who bears more alarms has them earlier")
	require.Less(t, more.fewest, j.fewest)
	require.Nil(t, New(Config{Partitions: []int{4}, Connections: 1}).balance, "one partition has nothing to balance")
}

// The spread of normal values is their standard deviation, whatever their sign, and of the newest only.
func TestSpreadLearnsNormalValues(t *testing.T) {
	for _, tails := range []bool{false, true} {
		r := rand.New(rand.NewPCG(1, 2))
		s := newSpread(512, tails)
		for _, sigma := range []float64{0.02, 3, 0.5} {
			for range 1024 {
				s.add(sigma * r.NormFloat64())
			}
			require.InEpsilon(t, sigma, s.sigma, 0.15)
			require.Len(t, s.values, 512)
		}
	}
}

func TestSpreadIsKnownFromTwentyOn(t *testing.T) {
	s := newSpread(64, false)
	for i := range enough {
		require.False(t, s.known(), i)
		s.add(-1)
	}
	require.True(t, s.known())
	require.InDelta(t, 1/0.67449, s.sigma, 1e-9, "at once, not only with the next eighth")
}

// One value in a hundred moves the spread where tails are looked for, and not where they are not; a median withstands nearly half.
func TestSpreadOfHeavyTails(t *testing.T) {
	plain, tails := newSpread(200, false), newSpread(200, true)
	for i := range 200 {
		x := 1.0
		if i%100 == 99 {
			x = 1000
		}
		plain.add(x)
		tails.add(x)
	}
	require.InDelta(t, 1/0.67449, plain.sigma, 1e-9)
	require.InDelta(t, 1000/2.5758, tails.sigma, 1e-9)
}

func TestSpreadOfAnEvenNumber(t *testing.T) {
	s := newSpread(32, false)
	for i := range 32 {
		s.add(float64(i))
	}
	require.InDelta(t, 15.5/0.67449, s.sigma, 1e-9)
}
