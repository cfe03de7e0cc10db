package sqlfile

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireTiled: the parts are the range, each key in one of them.
func requireTiled(t *testing.T, k Keys, parts []Keys) {
	t.Helper()
	parts = slices.SortedFunc(slices.Values(parts), func(a, b Keys) int { return cmp.Compare(a.From, b.From) })
	require.Equal(t, k.From, parts[0].From)
	require.Equal(t, k.To, parts[len(parts)-1].To)
	for i, p := range parts {
		require.LessOrEqual(t, p.From, p.To)
		if i > 0 {
			require.Equal(t, parts[i-1].To+1, p.From)
		}
	}
}

func TestCuts(t *testing.T) {
	ranges := []Keys{All, {0, math.MaxInt64}, {math.MinInt64, 0}, {-1, 1}, {5, 5}, {5, 6}, {math.MaxInt64, math.MaxInt64}, {0, 63}, {0, 64}}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		a, b := int64(rng.Uint64())>>rng.IntN(64), int64(rng.Uint64())>>rng.IntN(64)
		ranges = append(ranges, Keys{min(a, b), max(a, b)})
	}
	for _, k := range ranges {
		up, down := k.fan(true), k.fan(false)
		requireTiled(t, k, up)
		requireTiled(t, k, down)
		require.LessOrEqual(t, len(up), 59)
		require.Len(t, down, len(up))
		for i := range up[:len(up)-1] {
			require.Equal(t, int64(64)<<i, up[i].To-up[i].From+1, "twice the one before")
			require.Equal(t, int64(64)<<i, down[i].To-down[i].From+1)
		}
		require.Equal(t, k.From, up[0].From)
		require.Equal(t, k.To, down[0].To)
		if k.From == k.To {
			require.Empty(t, k.halves())
			continue
		}
		halves := k.halves()
		requireTiled(t, k, halves)
		require.LessOrEqual(t, uint64(halves[0].To-halves[0].From)-uint64(halves[1].To-halves[1].From), uint64(1))
	}
	require.Empty(t, noKeys.halves())
	require.Empty(t, noKeys.fan(true))
}

func TestAboveAndBelow(t *testing.T) {
	k := Keys{10, 20}
	require.Equal(t, Keys{13, 20}, k.above(12))
	require.Equal(t, k, k.above(3), "a key that is not in it moves nothing outwards")
	require.Equal(t, Keys{20, 20}, k.above(19))
	require.True(t, k.above(20).empty())
	require.Equal(t, Keys{10, 11}, k.below(12))
	require.Equal(t, k, k.below(30))
	require.True(t, k.below(10).empty())
	require.True(t, All.above(math.MaxInt64).empty())
	require.True(t, All.below(math.MinInt64).empty())
}

// TestFirstCuts: where an end tells, what is near to it is tried first; likely is for where none does.
func TestFirstCuts(t *testing.T) {
	likely := Keys{100, 1_000_000}
	require.Equal(t, Keys{40, 59}.halves(), firstCuts(Keys{40, 59}, likely))
	require.Equal(t, Keys{500, 1_000_000}.fan(true), firstCuts(Keys{500, All.To}, likely))
	require.Equal(t, Keys{100, 500}.fan(false), firstCuts(Keys{All.From, 500}, likely))
	require.Equal(t, likely.fan(false), firstCuts(All, likely))
	require.Equal(t, []Keys{{50, 50}}, firstCuts(Keys{All.From, 50}, likely), "likely is wrong")
	require.Equal(t, []Keys{{2_000_000, 2_000_000}}, firstCuts(Keys{2_000_000, All.To}, likely))
}
