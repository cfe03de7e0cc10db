package refill

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// minuteOfArchive is what an archive has of a minute in a test: so many Tweets in each second that holds some.
type minuteOfArchive struct {
	perSecond int
	from, to  int // seconds that hold Tweets
	known     int64
	lacks     int // of the known, those that the archive has not got
	damaged   bool
	half      int // for so many seconds from :20 on there is half of it
}

func (m minuteOfArchive) rate(second int) int {
	if second >= 20 && second < 20+m.half {
		return m.perSecond / 2
	}
	return m.perSecond
}

func even(perSecond int) minuteOfArchive { return minuteOfArchive{perSecond: perSecond, to: 60} }

func TestReading(t *testing.T) {
	for name, c := range map[string]struct {
		minutes []minuteOfArchive
		usual   int64
		trust   bool
		whole   []timeline.Minute
	}{
		"all of it":                       {minutes: []minuteOfArchive{even(20), even(22), even(18)}, usual: 1200, whole: []timeline.Minute{0, 1, 2}},
		"nothing known of neighbours":     {minutes: []minuteOfArchive{even(20), even(22)}},
		"cut as the next minute begins":   {minutes: []minuteOfArchive{even(20), even(20), {}}, usual: 1200, whole: []timeline.Minute{0}},
		"half of it for some seconds":     {minutes: []minuteOfArchive{even(20), {perSecond: 20, to: 60, half: 10}, even(20)}, usual: 1200, whole: []timeline.Minute{0, 2}},
		"one is absent":                   {minutes: []minuteOfArchive{even(20), {}, even(20), even(20)}, usual: 1200, whole: []timeline.Minute{3}},
		"one is thin":                     {minutes: []minuteOfArchive{even(20), even(20), even(10), even(20), even(20)}, usual: 1200, whole: []timeline.Minute{0, 4}},
		"all are thin, by the neighbours": {minutes: []minuteOfArchive{even(10), even(10)}, usual: 1200},
		"a stretch is empty":              {minutes: []minuteOfArchive{even(20), {perSecond: 20, to: 50}, even(20), even(20)}, usual: 1200, whole: []timeline.Minute{0, 3}},
		"damaged":                         {minutes: []minuteOfArchive{{perSecond: 20, to: 60, damaged: true}, even(20)}, usual: 1200, whole: []timeline.Minute{1}},
		"a known Tweet is absent":         {minutes: []minuteOfArchive{{perSecond: 20, to: 60, known: 300, lacks: 1}, even(20)}, usual: 1200, whole: []timeline.Minute{1}},
		"known ones are there":            {minutes: []minuteOfArchive{{perSecond: 20, to: 60, known: 300}}, usual: 1200, whole: []timeline.Minute{0}},
		"a quiet stream":                  {minutes: []minuteOfArchive{{perSecond: 1, from: 30, to: 31}, {perSecond: 2, from: 3, to: 6}}, usual: 5, whole: []timeline.Minute{0, 1}},
		"trust":                           {minutes: []minuteOfArchive{even(1), {perSecond: 1, to: 10}, {}}, usual: 1200, trust: true, whole: []timeline.Minute{0, 1}},
		"trust has ends":                  {minutes: []minuteOfArchive{{perSecond: 20, to: 60, known: 300, lacks: 1}, {perSecond: 20, to: 60, damaged: true}}, trust: true},
	} {
		t.Run(name, func(t *testing.T) {
			q := Request{From: 1000, To: 1000 + timeline.Minute(len(c.minutes))}
			r := NewReading(q, c.trust, func(m timeline.Minute) int64 {
				if m == q.To {
					return 0
				}
				return c.minutes[m-q.From].known
			})
			tweets := int64(0)
			for i, m := range c.minutes {
				copies := m.known - int64(m.lacks)
				for s := m.from; s < m.to; s++ {
					for range m.rate(s) {
						r.Tweet((q.From+timeline.Minute(i)).Milli()+int64(s)*1000, copies <= 0)
						copies--
						tweets++
					}
				}
				r.Read(q.From+timeline.Minute(i), !m.damaged)
			}
			for ms := range int64(20_000) { // the minute behind begins as it should
				if ms%50 == 0 {
					r.Tweet(q.To.Milli()+ms, false)
				}
			}
			r.Read(q.To, true)
			require.Equal(t, tweets+400, r.Tweets())
			require.EqualValues(t, len(c.minutes), r.MinutesDone())
			whole, lacking := r.End(func(timeline.Minute) int64 { return c.usual })
			var want timeline.Set
			for _, m := range c.whole {
				want.Add((q.From + m).Span())
			}
			require.Equal(t, want.Spans(), whole.Spans())
			require.Len(t, lacking, len(c.minutes)-len(c.whole))
		})
	}
}

// What was not read is neither whole nor lacking.
func TestReadingBrokeOff(t *testing.T) {
	r := NewReading(Request{From: 10, To: 13}, false, func(timeline.Minute) int64 { return 0 })
	r.Tweet(timeline.Minute(10).Milli(), true)
	r.Read(10, true)
	r.Tweet(timeline.Minute(11).Milli(), true)
	whole, lacking := r.End(func(timeline.Minute) int64 { return 0 })
	require.Empty(t, whole.Spans(), "the minute behind it is not known")
	require.Empty(t, lacking)
	r.Read(11, true)
	whole, lacking = r.End(func(timeline.Minute) int64 { return 5 })
	require.Equal(t, []timeline.Span{timeline.Minute(10).Span()}, whole.Spans())
	require.Empty(t, lacking)
	require.Equal(t, timeline.Minute(12), r.At())
	require.EqualValues(t, 2, r.New())
}
