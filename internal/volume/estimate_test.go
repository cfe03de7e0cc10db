package volume

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTwoConnectionsAreChapmans(t *testing.T) {
	const n1, n2, m = 980.0, 970.0, 950.0 // Tweets of each, and of both
	e := EstimateOf([]int64{0, 30, 20, 950})
	require.True(t, e.Known)
	chapman := (n1+1)*(n2+1)/(m+1) - 1
	require.InDelta(t, chapman-(30+20+950), e.Missed, 1e-9)
	seber := (n1 + 1) * (n2 + 1) * (n1 - m) * (n2 - m) / ((m + 1) * (m + 1) * (m + 2))
	require.InDelta(t, math.Sqrt(seber), e.Error, 1e-9)
	require.LessOrEqual(t, e.Low, e.Missed)
	require.GreaterOrEqual(t, e.High, e.Missed)
}

func TestThreeConnections(t *testing.T) {
	// Alone: 6, 4, 2; by two: 100, 90, 80; by all: 11 000.
	e := EstimateOf([]int64{0, 6, 4, 100, 2, 90, 80, 11_000})
	require.True(t, e.Known)
	require.InDelta(t, (6*4+6*2+4*2)/271.0, e.Missed, 1e-9)
	require.Greater(t, e.Error, math.Sqrt(e.Missed), "what is estimated is itself drawn")
}

func TestADarkConnectionChangesNothing(t *testing.T) {
	two := EstimateOf([]int64{0, 300, 200, 9_500})
	three := EstimateOf([]int64{0, 300, 200, 9_500, 0, 0, 0, 0})
	require.InDelta(t, two.Missed, three.Missed, 1e-9)
	require.InEpsilon(t, two.Error, three.Error, 0.01, "the delta method and Seber's formula")
}

func TestNothingMissed(t *testing.T) {
	for _, histories := range [][]int64{{0, 0, 0, 12_000}, {0, 0, 0, 0, 0, 0, 0, 12_000}, {0, 0, 2_000, 10_000}} {
		e := EstimateOf(histories)
		require.True(t, e.Known)
		require.Zero(t, e.Missed)
		require.Zero(t, e.Error)
		require.Zero(t, e.Low)
		require.LessOrEqual(t, e.High, 3.0, "%v: nothing seen is no proof of nothing", histories)
	}
}

func TestWhatCannotBeKnown(t *testing.T) {
	for name, histories := range map[string][]int64{
		"no histories":        nil,
		"one connection":      {0, 12_000},
		"nothing came":        {0, 0, 0, 0},
		"one of two is dark":  {0, 12_000, 0, 0},
		"they hardly overlap": {0, 5_000, 5_000, 1_000},
		"too few":             {0, 1, 1, 6},
	} {
		require.Equal(t, Estimate{}, EstimateOf(histories), name)
	}
}

func TestPartitionsAddUp(t *testing.T) {
	e := EstimateOf([]int64{0, 300, 200, 9_500})
	both := e.plus(e)
	require.InDelta(t, 2*e.Missed, both.Missed, 1e-9)
	require.InDelta(t, math.Sqrt2*e.Error, both.Error, 1e-9)
	require.Less(t, both.High-both.Low, 2*(e.High-e.Low))
	require.False(t, e.plus(Estimate{}).Known)
}
