package volume

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// TestSumsAreThoseOfTheLastMinutes compares windows with sums that are made anew, over minutes before and after 1970, some of them absent.
func TestSumsAreThoseOfTheLastMinutes(t *testing.T) {
	for _, begin := range []timeline.Minute{-500, -1, 0, 29_466_720} {
		r := rand.New(rand.NewPCG(uint64(begin), 3))
		var s sums
		values := map[timeline.Minute]float64{}
		at := begin
		for range 700 {
			at += timeline.Minute([]int{1, 1, 1, 1, 2, 7}[r.IntN(6)])
			values[at] = float64(r.IntN(1000))
			s.add(at, values[at])
			from := timeline.Minute(r.IntN(span))
			to := from + timeline.Minute(r.IntN(span-int(from)+1))
			var want float64
			n := int32(0)
			for age := from; age < to; age++ {
				if x, ok := values[at-age]; ok {
					want, n = want+x, n+1
				}
			}
			sum, count := s.over(from, to)
			require.InDelta(t, want, sum, 1e-6, "minutes %d to %d before %d", from, to, at)
			require.Equal(t, n, count)
		}
	}
}

func TestSumsTakeNoMinuteTwice(t *testing.T) {
	var s sums
	s.add(100, 7)
	s.add(100, 8)
	s.add(99, 9)
	sum, n := s.over(0, span)
	require.Equal(t, [2]float64{7, 1}, [2]float64{sum, float64(n)})
}

// What is longer ago than can be remembered leaves nothing of before, to the minute.
func TestSumsAfterALongAbsence(t *testing.T) {
	for absent, want := range map[timeline.Minute]float64{span - 1: 12, span: 5, span + 1: 5, 10 * span: 5} {
		var s sums
		s.add(1000, 7)
		s.add(1000+absent, 5)
		sum, n := s.over(0, span)
		require.Equal(t, want, sum, absent)
		require.EqualValues(t, map[bool]int{true: 2, false: 1}[want == 12], n)
	}
	var s sums
	s.add(1000, 7)
	s.forget()
	sum, n := s.over(0, span)
	require.Zero(t, sum)
	require.Zero(t, n)
	s.add(5, 1) // earlier than what was forgotten
	sum, _ = s.over(0, 1)
	require.Equal(t, 1.0, sum)
}
