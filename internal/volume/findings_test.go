package volume

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestSeverityAtHalf(t *testing.T) {
	for lost, want := range map[float64]Severity{0: Warning, 0.499: Warning, 0.5: Critical, 1: Critical} {
		require.Equal(t, want, severity(lost), lost)
	}
	require.Equal(t, "12.3 %", percent(0.1234))
	require.Equal(t, "100 %", percent(1))
	require.Equal(t, "0.1 %", percent(0.001))
}

// closes judges so many minutes of one partition, and returns what changed in each, in short.
func closes(j *Judge, at timeline.Minute, all ...Part) (changes []string) {
	for i := range all {
		var word strings.Builder
		for _, a := range j.Close(Minute{Minute: at + timeline.Minute(i), Parts: all[i : i+1]}).Alarms {
			state := "over"
			if a.Active {
				state = string(a.Severity)
			}
			word.WriteString(fmt.Sprint(state, " ", a.Kind, " "))
		}
		changes = append(changes, word.String())
	}
	return changes
}

func one() *Judge { return New(Config{Partitions: []int{1}, Connections: 1, FalseAlarms: -1}) }

// Three minutes in a row that closed before all was emitted are our fault, and two are not; more emitted than received is at once.
func TestUs(t *testing.T) {
	late, good := Part{Unique: 100, Emitted: 99, Covered: timeline.MinuteMilli}, Part{Unique: 100, Emitted: 100, Covered: timeline.MinuteMilli}
	half, odd := Part{Unique: 100, Emitted: 50, Covered: timeline.MinuteMilli}, Part{Unique: 100, Emitted: 101, Covered: timeline.MinuteMilli}
	for name, c := range map[string]struct {
		minutes []Part
		want    []string
	}{
		"two":   {[]Part{late, late, good, late, late}, []string{"", "", "", "", ""}},
		"three": {[]Part{late, late, late, good}, []string{"", "", "warning us ", "over us "}},
		"half":  {[]Part{late, late, half}, []string{"", "", "critical us "}},
		"worse": {[]Part{late, late, late, half, late, good}, []string{"", "", "warning us ", "critical us ", "", "over us "}},
		"odd":   {[]Part{odd, good}, []string{"critical us ", "over us "}},
	} {
		require.Equal(t, c.want, closes(one(), 1000, c.minutes...), name)
	}
	j := one()
	closes(j, 1000, late, late, Part{Unique: 100, Emitted: 93, Covered: timeline.MinuteMilli})
	require.Contains(t, j.Active()[0].Message, "7 of 100 Tweets received were not emitted")
	require.Equal(t, []Evidence{{"unique", 100}, {"emitted", 93}}, j.Active()[0].Evidence)
}

// Five minutes in a row of which the outputs accepted nothing are the sink's, where they say what they accept; minutes without a Tweet
// say nothing against it.
func TestUndelivered(t *testing.T) {
	stuck := Part{Unique: 9, Emitted: 9, Tracked: true, Covered: timeline.MinuteMilli}
	some, none, untold := stuck, stuck, stuck
	some.Delivered, none.Unique, none.Emitted, untold.Tracked = 1, 0, 0, false
	for name, c := range map[string]struct {
		minutes []Part
		want    string
	}{
		"five":               {[]Part{stuck, stuck, stuck, stuck, stuck}, "warning sink "},
		"four":               {[]Part{stuck, stuck, stuck, stuck, some}, ""},
		"one in between":     {[]Part{stuck, stuck, stuck, some, stuck, stuck}, ""},
		"nothing to deliver": {[]Part{stuck, stuck, stuck, stuck, none}, ""},
		"not told":           {[]Part{untold, untold, untold, untold, untold, untold}, ""},
		"told again":         {[]Part{stuck, stuck, stuck, stuck, untold, stuck}, "warning sink "},
		"ends":               {[]Part{stuck, stuck, stuck, stuck, stuck, some}, "over sink "},
	} {
		changes := closes(one(), 1000, c.minutes...)
		require.Equal(t, c.want, changes[len(changes)-1], name)
	}
}

// What one connection misses is never critical, is told of the worst, and needs another to compare with.
func TestNetworkNamesTheWorst(t *testing.T) {
	j := New(Config{Partitions: []int{3}, Connections: 3, FalseAlarms: -1})
	p := Part{Unique: 100, Emitted: 100, Covered: timeline.MinuteMilli, Missed: []int64{60, 0, 90}}
	changes := closes(j, 1000, p)
	require.Equal(t, []string{"warning network "}, changes)
	a := j.Active()[0]
	require.Equal(t, []int{3, 2}, []int{a.Partition, a.Connection})
	require.Equal(t, []Evidence{{"missed_share", 0.9}, {"connections_bad", 2}}, a.Evidence)
	for name, p := range map[string]Part{
		"nothing came":    {Covered: timeline.MinuteMilli, Missed: []int64{0, 0, 0}},
		"not known":       {Unique: 100, Emitted: 100, Covered: timeline.MinuteMilli},
		"nobody to share": {Unique: 100, Emitted: 100, Covered: timeline.MinuteMilli, Missed: []int64{100}},
	} {
		require.Equal(t, []string{"", ""}, closes(New(Config{Partitions: []int{3}, Connections: 3, FalseAlarms: -1}), 1000, p, p), name)
	}
}

func TestEverywhereAndTogether(t *testing.T) {
	empty := func(n ...int64) (g []Grade) {
		for _, n := range n {
			g = append(g, Grade{EmptySeconds: n})
		}
		return g
	}
	require.True(t, everywhere(empty(1, 60)))
	for _, n := range [][]int64{{0, 5}, {5, 0}, {5, -1}} {
		require.False(t, everywhere(empty(n...)), n)
	}
	all := &weighed{deviation: -0.4}
	for _, c := range []struct {
		of   []weighed
		want bool
	}{
		{[]weighed{{deviation: -0.4}, {deviation: -0.4}}, true},
		{[]weighed{{deviation: -0.2}, {deviation: -0.6}}, true},
		{[]weighed{{deviation: -0.19}, {deviation: -0.61}}, false},
		{[]weighed{{deviation: -0.8}, {}}, false},
	} {
		require.Equal(t, c.want, together(all, c.of))
	}
	require.EqualValues(t, -1, allEmpty(3, -1))
	require.EqualValues(t, -1, allEmpty(-1, 0))
	require.EqualValues(t, 7, allEmpty(3, 4))
}

// fellTogether looks at each partition over the very window that fell.
func TestFellTogether(t *testing.T) {
	for name, c := range map[string]struct {
		now  [2]int64
		want bool
	}{"both": {[2]int64{500, 500}, true}, "one by half as much": {[2]int64{250, 749}, true}, "one by less": {[2]int64{250, 751}, false}, "one side": {[2]int64{0, 1000}, false}} {
		j := New(Config{Partitions: []int{1, 2}, Connections: 1})
		for m := range timeline.Minute(reference) {
			for _, p := range j.parts {
				p.recent.add(1000+m, 1000)
			}
		}
		require.False(t, j.fellTogether(60, 0.5), "nothing is that old")
		for i, p := range j.parts {
			p.recent.add(1000+reference, float64(c.now[i]))
		}
		require.Equal(t, c.want, j.fellTogether(1, 0.5), name)
	}
}

// What comes of a minute that is older than the last is in the history and in no window.
func TestLearnAfterTheFirstClose(t *testing.T) {
	j := New(Config{Partitions: []int{1, 2}, Connections: 1})
	for m := timeline.Minute(100); m < 110; m++ {
		j.Learn(m, 1, 10)
		j.Learn(m, 2, 20)
	}
	require.EqualValues(t, 109, j.last)
	sum, n := j.parts[1].recent.over(0, 60)
	require.Equal(t, [2]float64{200, 10}, [2]float64{sum, float64(n)})
	j.Revise(105, 1, 7)
	j.Learn(104, 1, 8)
	sum, _ = j.parts[0].recent.over(0, 60)
	require.Equal(t, 100.0, sum)
	require.EqualValues(t, 27, j.all.history.get(105))
	require.EqualValues(t, 28, j.all.history.get(104))
	require.EqualValues(t, 109, j.last)
}
