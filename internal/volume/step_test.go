package volume

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func always(timeline.Minute, float64) bool { return true }

// steady is a stream that strays by a thousandth from its season, for so many minutes, whose windows are all known.
func steady(minutes timeline.Minute, level float64) (s *steps, at timeline.Minute) {
	s = newSteps(0.003)
	for at = 1; at <= minutes; at++ {
		s.add(at, level+0.0002*float64(at*7%11-5))
	}
	return s, at
}

// A fall of a tenth is found at once against the minutes before it, also where the day is above or below its season.
func TestAFallIsFound(t *testing.T) {
	for _, level := range []float64{0, 0.3, -0.3} {
		s, at := steady(1000, level)
		_, bad := s.judge(at-1, 1e6, 0, always)
		require.False(t, bad)
		s.add(at, (1+level)*0.9-1)
		fell, bad := s.judge(at, 1e6, 0, always)
		require.True(t, bad)
		require.InDelta(t, 0.1, fell, 0.002, level)
	}
}

func TestARiseIsNoFall(t *testing.T) {
	s, at := steady(1000, 0)
	for n := range timeline.Minute(30) {
		s.add(at+n, 2)
		_, bad := s.judge(at+n, 1e6, 0, always)
		require.False(t, bad)
	}
	for n := range timeline.Minute(30) { // the end of an event
		s.add(at+30+n, 0)
		_, bad := s.judge(at+30+n, 1e6, 0, always)
		require.False(t, bad, "the three hours before were no higher")
	}
}

// What counting strays by is no fall, nor what a young history may stray by, nor what not all partitions show.
func TestAFallNeedsMoreThanChance(t *testing.T) {
	for name, c := range map[string]struct {
		expected, floor float64
		together        bool
		want            bool
	}{
		"many Tweets": {1e6, 0, true, true},
		"few":         {100, 0, true, false},
		"young":       {1e6, youngStep, true, false},
		"one side's":  {1e6, 0, false, false},
	} {
		s, at := steady(1000, 0)
		s.add(at, -0.1)
		_, bad := s.judge(at, c.expected, c.floor, func(length timeline.Minute, fell float64) bool {
			require.InDelta(t, 0.1/float64(length), fell, 0.002, "one minute of them fell")
			return c.together
		})
		require.Equal(t, c.want, bad, name)
	}
}

// A fall that lasts is held against the level before it, for six hours to the minute; half of the way up ends it.
func TestAFallLasts(t *testing.T) {
	s, at := steady(1000, 0)
	for n := range timeline.Minute(patience + 10) {
		s.add(at+n, -0.5)
		_, bad := s.judge(at+n, 1e6, 0, always)
		require.Equal(t, n < patience, bad, n)
	}
	s, at = steady(1000, 0)
	s.add(at, -0.5)
	_, bad := s.judge(at, 1e6, 0, always)
	require.True(t, bad)
	limit := s.limit * s.sigma(0, 1e6, 0)
	s.add(at+1, -limit*0.6)
	_, bad = s.judge(at+1, 1e6, 0, always)
	require.True(t, bad, "still less than halfway up")
	s.add(at+2, -limit*0.4)
	_, bad = s.judge(at+2, 1e6, 0, always)
	require.False(t, bad)
	s.forget()
	require.False(t, s.holds)
	s.add(at+3, -0.5)
	_, bad = s.judge(at+3, 1e6, 0, always)
	require.False(t, bad, "there is no before any more")
}

// A small fall takes a longer window; while it lasts, a large one moves to a shorter.
func TestASmallFallTakesLonger(t *testing.T) {
	s, at := steady(2000, 0)
	found := timeline.Minute(0)
	for n := timeline.Minute(0); n < 15 && found == 0; n++ {
		s.add(at+n, -0.012)
		if _, bad := s.judge(at+n, 2e5, 0, always); bad {
			found = n + 1
		}
	}
	require.Greater(t, found, timeline.Minute(1))
	require.Positive(t, s.window)
	s.add(at+found, -0.9)
	_, bad := s.judge(at+found, 2e5, 0, always)
	require.True(t, bad)
	require.Zero(t, s.window)
}

// Windows and what they are measured against need half of their minutes.
func TestStepsOfAbsentMinutes(t *testing.T) {
	s := newSteps(0.003)
	for at := timeline.Minute(1); at <= 240; at += 3 {
		s.add(at, 0)
	}
	_, ok := s.fall(1, 0)
	require.False(t, ok, "two of five")
	_, ok = s.median(5, 25)
	require.True(t, ok, "each of its blocks has one")
	s = newSteps(0.003)
	s.add(1, 0)
	s.add(200, 0)
	_, ok = s.before(1)
	require.False(t, ok)
	_, ok = s.fall(0, 0)
	require.True(t, ok)
}

// What is before a window is no lower than nothing: there is nothing to fall from.
func TestNothingFallsFromNothing(t *testing.T) {
	s, _ := steady(500, -1.01)
	_, ok := s.before(1)
	require.False(t, ok)
}
