package volume

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func parts(counts ...int64) (p []Part) {
	for _, n := range counts {
		p = append(p, Part{Unique: n, Covered: timeline.MinuteMilli})
	}
	return p
}

func TestStrayIsBinomial(t *testing.T) {
	b := newBalance(2, 0.01)
	b.add(1000, parts(4000, 6000))
	z, share, ok := b.stray(0, 0, 0)
	require.True(t, ok)
	require.InDelta(t, 1000/math.Sqrt(10_000*0.5*0.5), z, 1e-9)
	require.InDelta(t, 1.0/3, share, 1e-9, "it has two thirds of what the other has")
	over, _, _ := b.stray(1, 0, 0)
	require.InDelta(t, -z, over, 1e-9)
	tolerated, _, _ := b.stray(0, 0, tolerance)
	require.InDelta(t, 995/math.Sqrt(10_000*0.5*0.5), tolerated, 1e-9)

	b = newBalance(4, 0.01)
	b.add(1000, parts(100, 300, 300, 300))
	z, share, _ = b.stray(0, 0, 0)
	require.InDelta(t, 150/math.Sqrt(1000*0.25*0.75), z, 1e-9)
	require.InDelta(t, 2.0/3, share, 1e-9)
}

// Windows are of whole minutes: what is not in one does not count, and few Tweets are not judged.
func TestStrayNeedsTweets(t *testing.T) {
	b := newBalance(2, 0.01)
	b.add(1000, parts(199, 200))
	_, _, ok := b.stray(0, 0, 0)
	require.False(t, ok)
	b.add(1001, parts(1, 0))
	_, _, ok = b.stray(0, 0, 0)
	require.False(t, ok, "of one minute")
	_, _, ok = b.stray(0, 1, 0)
	require.True(t, ok, "of five: 400")
}

// level has the balance see minutes of even partitions, so that all windows are known.
func level(t *testing.T, minutes int) (b *balance, at timeline.Minute) {
	t.Helper()
	b = newBalance(2, 0.003)
	for at = 1; at <= timeline.Minute(minutes); at++ {
		b.add(at, parts(5000+int64(at%3), 5000-int64(at%3)))
		require.True(t, b.calm())
		_, bad := b.judge(0)
		require.False(t, bad)
	}
	return b, at
}

// Each window is silent until it has seen twenty of its kind.
func TestWindowsLearnFirst(t *testing.T) {
	for minutes, known := range map[int][len(lengths)]bool{19: {}, 20: {true}, 99: {true}, 100: {true, true}, 299: {true, true}, 300: {true, true, true}, 1200: {true, true, true, true}} {
		b, _ := level(t, minutes)
		for w := range lengths {
			require.Equal(t, known[w], b.spreads[w].known(), "%d minutes, window %d", minutes, lengths[w])
		}
	}
	b, at := level(t, 19)
	b.add(at, parts(1000, 9000))
	b.spreads[0].values = b.spreads[0].values[:19]
	_, bad := b.judge(0)
	require.False(t, bad)
}

// What is large is found by the shortest window and at once, what is small by a longer one; and only on the side that falls.
func TestALossIsFoundByItsWindow(t *testing.T) {
	for lost, want := range map[int64]struct {
		window timeline.Minute
		after  int
	}{2500: {1, 1}, 500: {5, 4}, 200: {15, 14}} {
		b, at := level(t, 1500)
		for n := 1; ; n++ {
			require.Less(t, n, 200)
			b.add(at, parts(5000-lost, 5000))
			at++
			_, other := b.judge(1)
			require.False(t, other)
			if s, bad := b.judge(0); bad {
				require.Equal(t, want.window, s.window, lost)
				require.LessOrEqual(t, n, want.after, lost)
				require.Greater(t, s.score, b.limit)
				fell := float64(min(n, int(s.window))) / float64(s.window) // of the window's minutes
				require.InDelta(t, fell*float64(lost)/5000, s.share, 0.001)
				break
			}
		}
	}
}

// It lasts while the window that found it sees half of what it takes, learns nothing meanwhile, and may be found by a shorter one.
func TestAnImbalanceLasts(t *testing.T) {
	b, at := level(t, 1500)
	b.add(at, parts(2500, 5000))
	_, bad := b.judge(0)
	require.True(t, bad)
	require.False(t, b.calm())
	learned := slices.Clone(b.spreads[0].values)
	sigma := math.Sqrt(10_000 * 0.25)
	half := int64(b.limit / 2 * sigma)
	b.add(at+1, parts(5000-half-15, 5000+half+15))
	_, bad = b.judge(0)
	require.True(t, bad, "half of its limit")
	b.add(at+2, parts(5000-half+15, 5000+half-15))
	_, bad = b.judge(0)
	require.False(t, bad)
	require.Equal(t, learned, b.spreads[0].values, "what is wrong is not what is usual")
	b.forget()
	require.True(t, b.calm())
	for w := range lengths {
		_, _, ok := b.stray(0, w, 0)
		require.False(t, ok, "nothing is remembered")
	}
}

// Counts that stray by more than a binomial does are allowed for: what was usual is no loss.
func TestARoughSplitIsLearned(t *testing.T) {
	fine, rough := newBalance(2, 0.003), newBalance(2, 0.003)
	for at := timeline.Minute(1); at <= 600; at++ {
		d := int64(100)
		if at%2 == 0 {
			d = -d
		}
		fine.add(at, parts(5000+d/50, 5000-d/50))
		rough.add(at, parts(5000+d*2, 5000-d*2))
	}
	loss := parts(4600, 5400)
	fine.add(601, loss)
	rough.add(601, loss)
	_, bad := fine.judge(0)
	require.True(t, bad)
	_, bad = rough.judge(0)
	require.False(t, bad)
}
