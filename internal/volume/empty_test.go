package volume

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestFewestPerSecond(t *testing.T) {
	require.InDelta(t, 2*math.Log(86_400*2/0.001), fewestPerSecond(0.001, 2), 1e-9)
	require.Greater(t, fewestPerSecond(0.001, 4), fewestPerSecond(0.001, 2), "more partitions have more seconds")
	require.Greater(t, fewestPerSecond(0.0001, 2), fewestPerSecond(0.001, 2))
	for _, never := range []float64{0, -1} {
		require.True(t, math.IsInf(fewestPerSecond(never, 2), 1))
	}
}

// seconds is a whole minute with so many Tweets in each second, but for some that have none.
func seconds(each uint16, empty ...int) *Part {
	c := &Part{Covered: timeline.MinuteMilli, Seconds: new([60]uint16)}
	for i := range c.Seconds {
		c.Seconds[i] = each
	}
	for _, i := range empty {
		c.Seconds[i] = 0
	}
	c.Unique = int64(each) * int64(60-len(empty))
	return c
}

func TestEmptySecondsAreCounted(t *testing.T) {
	var p part
	require.EqualValues(t, 0, p.emptySeconds(seconds(40), 38))
	require.EqualValues(t, 2, p.emptySeconds(seconds(40, 0, 59), 38), "the first and the last")
	require.EqualValues(t, -1, p.emptySeconds(seconds(37), 38), "too thin to tell")
	require.EqualValues(t, 0, p.emptySeconds(seconds(38), 38))
	require.EqualValues(t, -1, p.emptySeconds(&Part{Unique: 1 << 20}, 38), "not known by second")
	require.EqualValues(t, -1, p.emptySeconds(seconds(1000, 5), math.Inf(1)), "not to be judged")
}

// A minute that brought nothing is judged by half of what the last hour brought, once ten minutes of it are known.
func TestAnEmptyMinuteHasSixtyEmptySeconds(t *testing.T) {
	var p part
	nothing := &Part{Covered: timeline.MinuteMilli, Seconds: new([60]uint16)}
	for m := range timeline.Minute(9) {
		p.remember(100+m, seconds(80))
	}
	require.EqualValues(t, -1, p.emptySeconds(nothing, 38))
	part := seconds(80)
	part.Covered--
	p.remember(109, part)
	require.EqualValues(t, -1, p.emptySeconds(nothing, 38), "what is not whole is no measure")
	p.remember(110, seconds(80))
	require.EqualValues(t, 60, p.emptySeconds(nothing, 38))
	require.EqualValues(t, -1, p.emptySeconds(nothing, 41), "half of 80 is less")
}
