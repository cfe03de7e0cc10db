package timeline

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMinute(t *testing.T) {
	m := MinuteOf(1_767_225_661_500)
	require.Equal(t, "2026-01-01T00:01Z", m.String())
	require.Equal(t, int64(1_767_225_660_000), m.Milli())
	require.Equal(t, m+1, CeilMinute(1_767_225_661_500))
	require.Equal(t, m, CeilMinute(m.Milli()))
	require.Equal(t, Minute(-1), MinuteOf(-1))
}

func TestSpanMinutes(t *testing.T) {
	first, end := Span{59_999, 120_001}.Minutes()
	require.Equal(t, [2]Minute{0, 3}, [2]Minute{first, end})
}

// FuzzSet compares a Set with a plain array of booleans.
func FuzzSet(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(42))
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var s Set
		var truth [64]bool
		for range 60 {
			a := Span{rng.Int64N(64), rng.Int64N(64)}
			held := rng.IntN(3) > 0
			if held {
				s.Add(a)
			} else {
				s.Remove(a)
			}
			for i := a.From; i < a.To; i++ {
				truth[i] = held
			}
			checkSet(t, &s, truth)
		}
		var doubled Set
		doubled.AddSet(&s)
		doubled.AddSet(&s)
		checkSet(t, &doubled, truth)
		s.Forget(20)
		for _, x := range s.Spans() {
			require.Greater(t, x.To, int64(20))
		}
	})
}

func checkSet(t *testing.T, s *Set, truth [64]bool) {
	t.Helper()
	for i := range int64(64) {
		want := int64(0)
		if truth[i] {
			want = 1
		}
		require.Equal(t, want, s.Covered(Span{i, i + 1}), "at %d of %v", i, s.Spans())
	}
	parts := s.Within(Span{10, 50})
	require.Empty(t, s.Within(Span{50, 10}))
	for i := int64(10); i < 50; i++ {
		require.Equal(t, truth[i], slices.ContainsFunc(parts, func(p Span) bool { return p.From <= i && i < p.To }), "within, at %d", i)
	}
	for i, x := range s.Spans() {
		require.False(t, x.Empty())
		require.True(t, i == 0 || s.Spans()[i-1].To < x.From, "not merged: %v", s.Spans())
	}
}
