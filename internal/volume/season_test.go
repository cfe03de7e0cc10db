package volume

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// seasoned is a season of so many days, in which each minute held so many Tweets, give or take a share.
func seasoned(days int, count, stray float64) (s *season, at timeline.Minute) {
	s = newSeason(0.001)
	for at = 30_000_000; at < 30_000_000+timeline.Minute(days)*day; at++ {
		sign := float64(at/day%2)*2 - 1
		s.learn(at, int64(count*(1+sign*stray)))
	}
	return s, at
}

// The first day there is nothing to expect; then there is; after another day of deviations it is judged.
func TestSeasonLearns(t *testing.T) {
	for days, want := range map[int]struct{ known, settled bool }{0: {}, 1: {true, false}, 2: {true, true}} {
		s, at := seasoned(days, 1000, 0)
		w := s.weigh(at, 1000)
		require.Equal(t, want.known, w.known, days)
		require.Equal(t, want.settled, w.settled, days)
		require.True(t, w.young)
		if !want.settled {
			require.Equal(t, Learning, s.level(&w))
			require.Zero(t, w.score)
		}
	}
	for weeks, young := range map[int]bool{2: true, 3: false} {
		s, at := seasoned(7*weeks, 1000, 0)
		w := s.weigh(at, 1000)
		require.Equal(t, young, w.young, weeks)
	}
}

// The scale is the largest of what was learned, what counting strays, and, for a young history, its floor.
func TestSeasonScores(t *testing.T) {
	for name, c := range map[string]struct {
		days         int
		count, stray float64
		scale        float64
	}{
		"young":    {3, 10_000, 0.01, youngSeason},
		"counting": {22, 100, 0, 0.1},
		"rough":    {22, 10_000, 0.04, 0.04 / 0.67449},
	} {
		s, at := seasoned(c.days, c.count, c.stray)
		w := s.weigh(at, int64(c.count*1.3))
		require.InEpsilon(t, c.count, w.expected, 0.05, name)
		require.InDelta(t, c.count*1.3/w.expected-1, w.deviation, 1e-3)
		scale := c.scale
		if name == "rough" { // what strays is measured against a median that strays itself
			scale = s.spread.sigma
			require.Greater(t, scale, 0.02)
		}
		require.InEpsilon(t, w.deviation/scale, w.score, 0.01, name)
		low := s.weigh(at, 0)
		require.InDelta(t, -1, low.deviation, 1e-12)
		require.Negative(t, low.score)
	}
}

// The level changes at the limit, to the Tweet.
func TestSeasonLevels(t *testing.T) {
	s, at := seasoned(22, 10_000, 0)
	width := s.limit / math.Sqrt(10_000) * 10_000 // Tweets
	for count, want := range map[float64]Level{10_000: Normal, 10_000 - width + 1: Normal, 10_000 - width - 1: Low, 0: Low, 10_000 + width - 1: Normal, 10_000 + width + 1: High} {
		w := s.weigh(at, int64(count))
		require.Equal(t, want, s.level(&w), count)
	}
}

// Deviations are learned each quarter of an hour, of minutes that are new; a minute that is known later moves no scale.
func TestSeasonLearnsEachQuarter(t *testing.T) {
	s, at := seasoned(3, 1000, 0)
	n := len(s.spread.values)
	require.Equal(t, 2*96, n)
	for m := range timeline.Minute(16) {
		s.learn(at+m, 1000)
	}
	require.Len(t, s.spread.values, n+2, "two of sixteen are on the quarter")
	for m := range timeline.Minute(16) {
		s.learn(at+m, 7)
	}
	require.Len(t, s.spread.values, n+2)
	require.EqualValues(t, 7, s.history.get(at), "but is in the history")
}

// A judge tells of a minute what it expects, by partition and for all of them.
func TestJudgeExpects(t *testing.T) {
	j := New(Config{Partitions: []int{1, 7}, Connections: 2})
	const begin = timeline.Minute(30_000_000)
	for m := begin - near; m <= begin+near; m++ {
		j.Learn(m, 1, 100)
		j.Learn(m, 7, 50)
		j.Learn(m, 2, 999) // not one of ours
	}
	at := begin + week
	for partition, want := range map[int]float64{1: 100, 7: 50, 2: 0, 0: 0} {
		require.Equal(t, want, j.Expected(at, partition))
	}
	require.Zero(t, j.Expected(at+day, 1))
	v := j.Close(Minute{Minute: at, Parts: parts(100, 50)})
	require.Equal(t, []float64{100, 50, 150}, []float64{v.Parts[0].Expected, v.Parts[1].Expected, v.All.Expected})
	partly := parts(100, 50)
	partly[0].Covered--
	v = j.Close(Minute{Minute: at + 1, Parts: partly})
	require.Equal(t, []Level{Partial, Learning, Partial}, []Level{v.Parts[0].Level, v.Parts[1].Level, v.All.Level}, "a millisecond is a gap")
	require.EqualValues(t, -1, j.parts[0].season.history.get(at+1), "what is not whole is no history")
	require.EqualValues(t, 50, j.parts[1].season.history.get(at+1))
	require.EqualValues(t, -1, j.all.history.get(at+1))
}
