package volume

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// tell lets a detector say, minute by minute, whether something is wrong ('x') or not ('.'), or say nothing ('-'), and
// returns what changed as '+' and '0', with a space where nothing did.
func tell(j *Judge, at timeline.Minute, says string) (changes string) {
	for i, c := range says {
		m := at + timeline.Minute(i)
		a := Alarm{Kind: Sink, Partition: 2, Connection: -1, Active: c == 'x', Severity: Warning, Message: "7 Tweets are not stored"}
		var changed []Alarm
		if c == '-' {
			j.board.tick(m)
			changed = j.board.take()
		} else {
			if a.Active {
				j.board.raise(m, a, 1, false)
			} else {
				j.board.right(m, a.Kind, a.Partition)
			}
			changed = j.board.take()
		}
		switch {
		case len(changed) == 0:
			changes += " "
		case changed[0].Active:
			changes += "+"
		default:
			changes += "0"
		}
	}
	return changes
}

func TestAnAlarmEndsWhenItHasBeenCalm(t *testing.T) {
	for _, c := range []struct{ name, says, changes string }{
		{"at once, and ends after five minutes", ".x.....", " +    0"},
		{"comes back before it ended", "x...x.....", "+        0"},
		{"lasts", "xxxx.....", "+       0"},
		{"looked at once, time does the rest", "x.-------", "+    0   "},
		{"not looked at", "x------------", "+            "},
		{"never wrong", "......", "      "},
	} {
		require.Equal(t, c.changes, tell(New(Config{Partitions: []int{1, 2}}), 1000, c.says), c.name)
	}
}

func TestWhatComesBackStaysLonger(t *testing.T) {
	j := New(Config{Partitions: []int{1, 2}})
	require.Equal(t, "+    0+         0", tell(j, 1000, "x.....x.........."))
	require.Equal(t, "+    0", tell(j, 2000, "x....."), "after an hour without it is as new")
	changes := 0
	for i := range timeline.Minute(600) { // wrong one minute in eight
		for _, c := range tell(j, 3000+8*i, "x.......") {
			if c != ' ' {
				changes++
			}
		}
	}
	require.Equal(t, 3, changes, "does not flap")
}

func TestAnAlarmTellsItsRise(t *testing.T) {
	j := New(Config{Partitions: []int{1}})
	first := Alarm{Kind: "state", Connection: -1, Active: true, Severity: Warning, Message: "disk is slow"}
	require.Len(t, j.Outside(10, first), 1)
	require.Empty(t, j.Outside(11, first))
	worse := Alarm{Kind: "state", Connection: -1, Active: true, Severity: Critical, Message: "disk is full", Evidence: []Evidence{{"free_bytes", 0}}}
	changed := j.Outside(12, worse)
	require.Len(t, changed, 1)
	require.Equal(t, timeline.Minute(10), changed[0].Since)
	require.Equal(t, changed, j.Active())
	require.Empty(t, j.Outside(13, first), "a fall in severity is not told")
	require.Equal(t, []Alarm{{Kind: "state", Connection: -1, Active: true, Severity: Critical, Message: "disk is slow", Since: 10}}, j.Active(),
		"the figures are those of now")
	require.Empty(t, j.Outside(13, Alarm{Kind: "state"}))
	changed = j.Outside(14, Alarm{Kind: "state"})
	require.Len(t, changed, 1)
	require.False(t, changed[0].Active)
	require.Equal(t, "over: disk is slow", changed[0].Message)
	require.Equal(t, timeline.Minute(10), changed[0].Since)
	require.Empty(t, j.Active())
}

// What is seen ends within two minutes, however often it came back; what is inferred says meanwhile that it is not so.
func TestWhatIsSeenEndsWhenItIsOver(t *testing.T) {
	j := New(Config{Partitions: []int{1}})
	for i := range timeline.Minute(20) {
		require.Len(t, j.Outside(100+3*i, Alarm{Kind: "state", Active: true, Message: "disk is full"}), 1)
		require.Len(t, j.Outside(101+3*i, Alarm{Kind: "state"}), 1)
	}
	j.board.wrong(300, Alarm{Kind: X, Active: true, Severity: Warning, Message: "all fell"})
	require.Equal(t, "all fell", j.Active()[0].Message)
	j.board.right(301, X, 0)
	require.Regexp(t, `^not so since 1970-01-01T05:01Z, watched until 1970-01-01T05:05Z: all fell$`, j.Active()[0].Message)
	j.board.over(302, X, 0)
	require.NotEmpty(t, j.Active(), "what was inferred does not end because something else is not seen")
}

func TestActiveIsInOrder(t *testing.T) {
	j := New(Config{Partitions: []int{1, 2}})
	for _, k := range []Kind{X, Sink, Network} {
		for _, p := range []int{2, 1} {
			j.Outside(1, Alarm{Kind: k, Partition: p, Active: true})
		}
	}
	var got []string
	for _, a := range j.Active() {
		got = append(got, string(a.Kind)+string(rune('0'+a.Partition)))
	}
	require.Equal(t, []string{"network1", "network2", "sink1", "sink2", "x1", "x2"}, got)
}
