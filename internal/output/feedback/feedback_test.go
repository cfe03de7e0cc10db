package feedback

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const second = int64(time.Second)

// at is a time of a test, n seconds after some beginning.
func at(n int64) int64 { return (1_800_000_000 + n) * second }

// report of an output with a buffer of 100; held is in it.
func report(output string, n, added, written, dropped int64) Report {
	return Report{Output: output, At: at(n), Added: added, Written: written, Dropped: dropped, Size: added - written - dropped, Limit: 100}
}

func with(r Report, change func(*Report)) Report {
	change(&r)
	return r
}

// An output that nobody has, as one report can make it up, holds nothing up for good; one that only was late goes on.
func TestSilentOutputs(t *testing.T) {
	var l Loop
	require.False(t, l.Fold(report("a", 0, 10, 10, 0)).Pause)
	require.True(t, l.Fold(report("made up", 1, 100, 0, 0)).Pause)
	require.True(t, l.Fold(report("a", 299, 20, 20, 0)).Pause)
	e := l.Fold(report("a", 302, 30, 30, 0))
	require.False(t, e.Pause)
	require.Equal(t, at(302)-slack, e.Before)
	e = l.Fold(report("made up", 303, 120, 20, 0))
	require.Equal(t, Effect{Pause: true, Before: e.Before}, e, "it comes back with nothing lost")
	require.False(t, l.Fold(report("made up", 0, 130, 130, 0)).Pause, "the clock was set back")
}

// Names of outputs are bounded, and of those that are passed over nothing is claimed.
func TestCrowdedOutputs(t *testing.T) {
	var l Loop
	for n := range int64(2) {
		for i := range mostOutputs {
			l.Fold(report(fmt.Sprint("output ", i), n, 10+n, 10+n, 0))
		}
	}
	require.NotZero(t, l.Fold(report("output 0", 2, 20, 20, 0)).Before)
	for i := range 1000 {
		require.Zero(t, l.Fold(report(fmt.Sprint("another ", i), 3, 10, 10, 0)).Before)
	}
	require.Len(t, l.outputs, mostOutputs)
	require.Zero(t, l.Fold(report("output 0", 4, 30, 30, 0)).Before)
	for i := range 3 {
		l.Fold(report(fmt.Sprint("another ", i), 400, 10, 10, 0))
	}
	require.Len(t, l.outputs, 3, "those that fell silent make room")
	l.Fold(report("another 0", 401, 11, 11, 0))
}

type step struct {
	report Report
	want   Effect
}

var folds = map[string][]step{
	"nothing is known from the first report": {
		{report("a", 10, 50, 50, 0), Effect{}},
	},
	"what was added by a time has left": {
		{report("a", 10, 50, 20, 0), Effect{}},
		{report("a", 20, 80, 49, 0), Effect{}},
		{report("a", 30, 99, 79, 0), Effect{Before: at(10) - slack}},
		{report("a", 40, 99, 99, 0), Effect{Before: at(40) - slack}},
		{report("a", 50, 99, 99, 0), Effect{Before: at(50) - slack}},
	},
	"the slowest output counts": {
		{report("a", 10, 50, 50, 0), Effect{}},
		{report("b", 10, 30, 20, 0), Effect{}},
		{report("a", 20, 60, 60, 0), Effect{}},
		{report("b", 20, 60, 20, 0), Effect{}},
		{report("a", 30, 70, 70, 0), Effect{}},
		{report("b", 30, 60, 40, 0), Effect{Before: at(10) - slack}},
	},
	"a full buffer dropped": {
		{report("a", 10, 50, 40, 0), Effect{}},
		{report("a", 20, 60, 55, 0), Effect{Before: at(10) - slack}},
		{report("a", 30, 300, 55, 145), Effect{Pause: true, Before: at(10) - slack,
			DroppedFrom: at(10) - slack, DroppedTo: at(30) + rounding, Dropped: 145}},
		{report("a", 40, 310, 55, 155), Effect{Pause: true, Before: at(10) - slack,
			DroppedFrom: at(10) - slack, DroppedTo: at(40) + rounding, Dropped: 10}},
		{report("a", 50, 310, 65, 155), Effect{Pause: true, Before: at(20) - slack}},
		{report("a", 60, 310, 155, 155), Effect{Before: at(60) - slack}},
	},
	"dropped before the first report": {
		{report("a", 10, 300, 0, 200), Effect{Pause: true, DroppedTo: at(10) + rounding, Dropped: 200}},
	},
	"an output refused": {
		{report("a", 10, 90, 50, 0), Effect{}},
		{report("a", 15, 90, 60, 0), Effect{}},
		{with(report("a", 20, 100, 60, 0), func(r *Report) { r.Rejected, r.Size = 40, 0 }), Effect{Before: at(20) - slack, DroppedTo: at(20) + rounding, Dropped: 40}},
	},
	"filters take nothing out of a buffer": {
		{report("a", 10, 100, 0, 0), Effect{Pause: true}},
		{with(report("a", 20, 100, 100, 0), func(r *Report) { r.Filtered = 1000 }), Effect{Before: at(20) - slack}},
	},
	"the pause ends below a quarter": {
		{report("a", 10, 50, 0, 0), Effect{}},
		{report("a", 20, 51, 0, 0), Effect{Pause: true}},
		{report("b", 20, 30, 0, 0), Effect{Pause: true}},
		{report("a", 30, 51, 26, 0), Effect{Pause: true}},
		{report("a", 40, 51, 27, 0), Effect{Pause: true}},
		{report("b", 40, 30, 6, 0), Effect{}},
	},
	"a report that comes again changes nothing": {
		{report("a", 10, 50, 40, 0), Effect{}},
		{report("a", 20, 60, 50, 5), Effect{DroppedTo: at(20) + rounding, Dropped: 5}},
		{report("a", 20, 60, 50, 5), Effect{}},
		{report("a", 10, 50, 40, 0), Effect{}},
		{report("a", 30, 70, 65, 5), Effect{Before: at(30) - slack}},
	},
	"an agent that was started anew lost its buffers": {
		{report("a", 10, 50, 40, 0), Effect{}},
		{report("a", 20, 60, 50, 0), Effect{Before: at(10) - slack}},
		{report("a", 30, 20, 5, 0), Effect{DroppedFrom: at(10) - slack, DroppedTo: at(30) + rounding, Dropped: 10}},
		{report("a", 40, 20, 20, 0), Effect{Before: at(40) - slack}},
	},
	"and dropped at once": {
		{report("a", 10, 500, 490, 0), Effect{}},
		{report("b", 10, 500, 490, 0), Effect{}},
		{report("a", 20, 510, 510, 0), Effect{}},
		{report("b", 20, 510, 510, 0), Effect{Before: at(20) - slack}},
		{report("a", 30, 200, 0, 100), Effect{Pause: true, DroppedFrom: at(20) - slack, DroppedTo: at(30) + rounding, Dropped: 101}},
		{report("b", 30, 200, 0, 100), Effect{Pause: true, DroppedFrom: at(20) - slack, DroppedTo: at(30) + rounding, Dropped: 100}},
	},
	"what an agent got at last is not known": {
		{report("a", 10, 60, 60, 0), Effect{}},
		{report("a", 20, 60, 60, 0), Effect{Before: at(20) - slack}},
		{report("a", 30, 0, 0, 0), Effect{DroppedFrom: at(20) - slack, DroppedTo: at(30) + rounding, Dropped: 1}},
	},
	// 40 metrics were lost when the agent was loaded anew, and nothing counted them.
	"counters that outlived their buffer": {
		{with(report("a", 10, 100, 50, 0), func(r *Report) { r.Size = 10 }), Effect{}},
		{with(report("a", 20, 120, 80, 0), func(r *Report) { r.Size = 0 }), Effect{Before: at(20) - slack}},
	},
	"the clock was set back": {
		{report("a", 1000, 50, 40, 0), Effect{}},
		{report("a", 1010, 60, 60, 0), Effect{Before: at(1010) - slack}},
		{report("a", 10, 70, 60, 4), Effect{DroppedTo: at(10) + rounding, Dropped: 4}},
		{report("a", 20, 70, 66, 4), Effect{Before: at(20) - slack}},
	},
}

func TestFold(t *testing.T) {
	for name, steps := range folds {
		t.Run(name, func(t *testing.T) {
			var l Loop
			for i, s := range steps {
				require.Equal(t, s.want, l.Fold(s.report), "report %d", i)
			}
		})
	}
}

// An output that takes nothing for days costs no more than a bounded history, and is not believed to have taken more.
func TestHistoryIsBounded(t *testing.T) {
	var l Loop
	for n := range int64(100_000) {
		e := l.Fold(report("a", 10+n, 50+n, 10, 0))
		require.Zero(t, e.Before)
		require.LessOrEqual(t, len(l.outputs["a"].marks), mostMarks)
	}
	e := l.Fold(report("a", 200_000, 100_050, 90_050, 0))
	require.Less(t, e.Before, at(90_010))
	require.Greater(t, e.Before, at(89_000))
}

// Whatever comes: nothing breaks, and nothing is claimed of a time that has not come.
func FuzzFold(f *testing.F) {
	f.Add([]byte{1, 10, 5, 1, 0, 4, 2, 20, 5, 1, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		var l Loop
		var latest int64
		for ; len(b) >= 6; b = b[6:] {
			r := Report{Output: string('a' + rune(b[0]%3)), At: at(int64(b[0])), Added: int64(b[1]), Written: int64(b[2]),
				Dropped: int64(b[3]), Rejected: int64(b[4]), Size: int64(b[5]), Limit: 100}
			latest = max(latest, r.At)
			e := l.Fold(r)
			require.LessOrEqual(t, e.Before, latest-slack)
			require.LessOrEqual(t, e.DroppedFrom, e.DroppedTo)
			require.Equal(t, e.Dropped > 0, e.DroppedTo > 0)
		}
	})
}
