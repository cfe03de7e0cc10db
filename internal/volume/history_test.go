package volume

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// plain is a history without a ring.
type plain struct {
	counts map[timeline.Minute]int32
	newest timeline.Minute
}

func (p *plain) around(m timeline.Minute) (int32, bool) {
	var near []int32
	for at := m - 7; at <= m+7; at++ {
		if c, ok := p.counts[at]; ok && at > p.newest-(6*7*24*60+64) {
			near = append(near, c)
		}
	}
	if len(near) < 5 {
		return 0, false
	}
	slices.Sort(near)
	return near[len(near)/2], true
}

func (p *plain) expect(m timeline.Minute) float64 {
	for _, period := range []timeline.Minute{7 * 24 * 60, 24 * 60} {
		most := timeline.Minute(6)
		if period == 24*60 {
			most = 7
		}
		var kept []float64
		for i := range most {
			if c, ok := p.around(m - (i+1)*period); ok {
				kept = append(kept, float64(c))
			}
		}
		if len(kept) > 0 {
			slices.Sort(kept)
			return (kept[(len(kept)-1)/2] + kept[len(kept)/2]) / 2
		}
	}
	return 0
}

// TestExpectIsAMedianOfMedians compares with a history that is looked up plainly, over seven weeks with holes, also before 1970.
func TestExpectIsAMedianOfMedians(t *testing.T) {
	for _, begin := range []timeline.Minute{-30_000, 29_466_720} {
		r := rand.New(rand.NewPCG(4, uint64(begin)))
		var h history
		p := plain{counts: map[timeline.Minute]int32{}, newest: math.MinInt32}
		for at := begin; at < begin+7*week; at++ {
			if r.IntN(40) == 0 {
				at += timeline.Minute(r.IntN(60)) // not whole
			}
			count := r.Int64N(10_000)
			h.put(at, count)
			p.counts[at], p.newest = int32(count), max(p.newest, at)
			if r.IntN(300) > 0 {
				continue
			}
			m := at + 1 - timeline.Minute(r.IntN(60))
			expected, _, _ := h.expect(m)
			require.InDelta(t, p.expect(m), expected, 0, "%d, %d minutes after the beginning", m, m-begin)
		}
	}
}

func TestHistoryHasItsEnds(t *testing.T) {
	var h history
	require.EqualValues(t, -1, h.get(7))
	_, ok := h.around(7)
	require.False(t, ok)
	const begin = timeline.Minute(1000)
	length := timeline.Minute(weeks*week + 64)
	h.put(begin, 5)
	h.put(begin+length-1, 6)
	require.EqualValues(t, 5, h.get(begin), "the oldest that is kept")
	require.EqualValues(t, -1, h.get(begin+1), "what lies between is not known")
	require.EqualValues(t, -1, h.get(begin+length), "nor what is to come")
	h.put(begin, 7)
	require.EqualValues(t, 7, h.get(begin), "it may be put again")
	h.put(begin+length, 8)
	require.EqualValues(t, -1, h.get(begin))
	h.put(begin, 9)
	require.EqualValues(t, -1, h.get(begin), "too old to matter")
	require.EqualValues(t, 8, h.get(begin+length), "and does not take the place of another")
	h.put(begin+length+1, 1<<40)
	require.EqualValues(t, math.MaxInt32, h.get(begin+length+1))
	h.put(begin+100*length, 3)
	require.EqualValues(t, -1, h.get(begin+length))
	require.EqualValues(t, 3, h.get(begin+100*length))
}

// Five minutes of fifteen have to be known, on either side.
func TestAroundNeedsSomeMinutes(t *testing.T) {
	var h history
	for i := range timeline.Minute(4) {
		h.put(1000+i, 10)
	}
	_, ok := h.around(1003)
	require.False(t, ok)
	h.put(1004, 10)
	for at, known := range map[timeline.Minute]bool{997: true, 996: false, 1007: true, 1008: false} {
		_, ok = h.around(at)
		require.Equal(t, known, ok, at)
	}
}

// One wild week does not move what is expected once three are known; a day's wildness does while only days are.
func TestExpectWithstandsAWildWeek(t *testing.T) {
	var h history
	at := timeline.Minute(30_000_000)
	for w := range timeline.Minute(6) {
		count := int64(1000)
		if w == 2 {
			count = 9000
		}
		for m := -timeline.Minute(near); m <= near; m++ {
			h.put(at+w*week+m, count)
		}
		expected, known, ok := h.expect(at + (w+1)*week)
		require.True(t, ok)
		require.EqualValues(t, w+1, known)
		require.EqualValues(t, 1000, expected)
	}
	expected, known, ok := h.expect(at + 5*week + 2*day)
	require.Equal(t, []any{0, true}, []any{known, ok}, "only a day of it is known")
	require.EqualValues(t, 1000, expected)
	_, _, ok = h.expect(at + 5*week + 8*day)
	require.False(t, ok)
}

// The week is one of UTC: neither the change to summer time nor the end of a year shifts it.
func TestTheWeekIsOfUTC(t *testing.T) {
	for _, now := range []time.Time{
		time.Date(2026, 3, 29, 2, 30, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC),
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 2, 29, 23, 59, 0, 0, time.UTC), time.Date(2016, 12, 31, 23, 59, 0, 0, time.UTC),
	} {
		var h history
		before := timeline.MinuteOf(now.AddDate(0, 0, -7).UnixMilli())
		for m := before - near; m <= before+near; m++ {
			h.put(m, 500+int64(m-before))
		}
		h.put(timeline.MinuteOf(now.UnixMilli())-1, 1)
		expected, known, ok := h.expect(timeline.MinuteOf(now.UnixMilli()))
		require.Equal(t, []any{500.0, 1, true}, []any{expected, known, ok}, now)
	}
}

// Weeks in which nothing came expect nothing, and that is nothing to compare with.
func TestNothingIsExpectedOfNothing(t *testing.T) {
	var h history
	for m := range timeline.Minute(15) {
		h.put(m, 0)
	}
	_, known, ok := h.expect(7 + week)
	require.Equal(t, []any{1, false}, []any{known, ok})
	s := newSeason(0.001)
	s.history = h
	require.Equal(t, weighed{young: true}, s.weigh(7+week, 500))
}
