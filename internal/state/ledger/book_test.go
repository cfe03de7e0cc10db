package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const hour = int64(3600e9)

func TestForgetKeepsWhatIsNotSettled(t *testing.T) {
	for name, prepare := range map[string]func(r *Row){
		"open":                  func(r *Row) { r.closed = false },
		"changed":               func(r *Row) { r.Touch(); r.Saved(true) },
		"not stored":            func(r *Row) { r.Saved(false) },
		"Tweets on their way":   func(r *Row) { r.Given++ },
		"reported a while ago":  func(r *Row) { r.told += hour/2 + 1 },
		"not before the minute": func(_ *Row) {},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBook(1, 2)
			r := b.Row(7)
			r.Close()
			r.Told(hour/2, View{})
			r.Saved(true)
			prepare(r)
			b.Row(100).Told(hour+hour/2, View{})
			if name == "not before the minute" {
				b.Forget(7)
			} else {
				b.Forget(8)
			}
			require.Same(t, r, b.Find(7))
		})
	}
}

func TestForgetDropsSettledRowsAtRest(t *testing.T) {
	b := NewBook(1, 2)
	r := b.Row(7)
	r.Given, r.Emitted, r.Untracked = 3, 3, 3
	r.Close()
	r.Told(1, View{})
	r.Saved(true)
	b.Row(100).Told(1+hour, View{})
	b.Forget(8)
	require.Nil(t, b.Find(7))
	require.NotNil(t, b.Find(100))
}

func TestForgetBoundsTheRows(t *testing.T) {
	b := NewBook(1, 2)
	for m := range timeline.Minute(maxRows + 1) {
		r := b.Row(100 + m)
		r.Close()
		r.Told(1, View{})
		r.Saved(true)
	}
	b.Find(100).Given++ // its posting is still to come
	b.Forget(0)
	require.LessOrEqual(t, len(b.rows), maxRows)
	require.NotNil(t, b.Find(100))
	require.Nil(t, b.Find(101))
}

func TestAChangedViewIsAChange(t *testing.T) {
	r := NewBook(1, 2).Row(7)
	v := View{Connections: 1, Covered: 60_000, State: Whole}
	r.Told(1, v)
	require.False(t, r.Changed(v))
	v.Connections++
	require.True(t, r.Changed(v))
	r.Told(2, v)
	require.Equal(t, v, r.LastView())
	require.False(t, r.Changed(v))
	r.PostDuplicate(Redundant, 1)
	require.True(t, r.Changed(v))
}

// TestTheRowThatWasAskedForLast is remembered, and forgotten with its row.
func TestTheRowThatWasAskedForLast(t *testing.T) {
	b := NewBook(1, 2)
	require.Nil(t, b.Find(7))
	r := b.Row(7)
	require.Same(t, r, b.Row(7))
	other := b.Row(8)
	require.NotSame(t, r, other)
	require.Same(t, r, b.Find(7))
	require.Same(t, other, b.Find(8))
	other.Close()
	other.Told(1, View{})
	other.Saved(true)
	b.Row(100).Told(1+hour, View{})
	require.Same(t, other, b.Row(8))
	b.Forget(9)
	require.Nil(t, b.Find(8))
	require.NotSame(t, other, b.Row(8), "it is begun anew")
	require.Equal(t, []timeline.Minute{7, 8, 100}, b.Minutes())
}

// TestMinutesClose once, in any order; what closed them is called before later Tweets are late.
func TestMinutesClose(t *testing.T) {
	b := NewBook(1, 2)
	for _, m := range []timeline.Minute{9, 7, 8, 12} {
		b.Row(m)
	}
	oldest, open := b.OldestOpen()
	require.True(t, open)
	require.Equal(t, timeline.Minute(7), oldest)
	var decided []timeline.Minute
	before := func(m timeline.Minute) func(timeline.Minute) bool {
		return func(k timeline.Minute) bool { return k < m }
	}
	note := func(m timeline.Minute, r *Row) {
		require.False(t, r.Closed())
		require.Same(t, b.Find(m), r)
		decided = append(decided, m)
	}
	require.Equal(t, 2, b.Close(before(9), note))
	require.ElementsMatch(t, []timeline.Minute{7, 8}, decided)
	require.Zero(t, b.Close(before(9), note), "once")
	oldest, _ = b.OldestOpen()
	require.Equal(t, timeline.Minute(9), oldest)
	require.True(t, b.Find(8).Closed())
	require.False(t, b.Find(9).Closed())

	b.Find(8).PostUnique(8*60_000, 1)
	b.Find(9).PostUnique(9*60_000, 1)
	require.Equal(t, []int64{1, 0}, []int64{b.Find(8).Late, b.Find(9).Late})
	require.Equal(t, 2, b.Close(before(100), note))
	_, open = b.OldestOpen()
	require.False(t, open)
}

// TestTheEndOfAGapIsReported: minutes of it that nothing came of get an account; its neighbours do not.
func TestTheEndOfAGapIsReported(t *testing.T) {
	b := NewBook(1, 2)
	b.Settle(timeline.Span{From: timeline.Minute(5).Milli() + 59_999, To: timeline.Minute(8).Milli()}, GapLost)
	require.Equal(t, []timeline.Minute{5, 6, 7}, b.Minutes())
	for _, m := range b.Minutes() {
		b.Find(m).Close()
		require.Equal(t, Lost, b.StateOf(m, true), m)
	}
	require.Equal(t, Whole, b.StateOf(4, true))
	require.Equal(t, Whole, b.StateOf(8, true))
	b.Touch(timeline.Span{From: 0, To: timeline.Minute(100).Milli()})
	require.Len(t, b.Minutes(), 3, "to touch opens none")

	b.Settle(timeline.Minute(6).Span(), GapRecovered)
	require.Equal(t, []State{Lost, Recovered, Lost}, []State{b.StateOf(5, true), b.StateOf(6, true), b.StateOf(7, true)})
	require.Equal(t, Missing, b.StateOf(6, false), "what is not covered is missing, whatever came")
	require.Equal(t, int64(timeline.MinuteMilli), b.Recovered.Covered(timeline.Span{From: 0, To: timeline.Minute(100).Milli()}))
}

func TestElsewhereIsNeverForgotten(t *testing.T) {
	b := NewBook(AnyPartition, 0)
	for _, m := range []timeline.Minute{Elsewhere, 1} {
		r := b.Row(m)
		r.Close()
		r.Told(1, View{})
		r.Saved(true)
	}
	b.Row(100).Told(1+hour, View{})
	b.Forget(50)
	require.Equal(t, []timeline.Minute{Elsewhere, 100}, b.Minutes())
}

// TestForgetDropsTheOldestFirst, and no more than makes room for a while.
func TestForgetDropsTheOldestFirst(t *testing.T) {
	b := NewBook(1, 2)
	settled := func(m timeline.Minute) {
		r := b.Row(m)
		r.Close()
		r.Told(1, View{})
		r.Saved(true)
	}
	for m := range timeline.Minute(maxRows) {
		settled(1 + m)
	}
	b.Forget(0)
	require.Len(t, b.rows, maxRows, "so many may be")
	settled(maxRows + 1)
	b.Forget(0)
	left := b.Minutes()
	require.Len(t, left, maxRows*9/10)
	require.Equal(t, timeline.Minute(maxRows+1), left[len(left)-1])
	require.Equal(t, timeline.Minute(maxRows+1-maxRows*9/10+1), left[0])
}

// TestWhatIsRestoredOpenIsWitnessedAnew, from where on somebody knows who delivers.
func TestWhatIsRestoredOpenIsWitnessedAnew(t *testing.T) {
	b := NewBook(1, 2)
	b.Unwitnessed(8)
	b.Unwitnessed(5) // never back
	for m := timeline.Minute(7); m <= 9; m++ {
		b.Restore(&MinuteRecord{Partition: 1, Minute: m, State: Open}, nil, false)
	}
	require.Nil(t, b.Find(7).Histories)
	require.Len(t, b.Find(8).Histories, 4, "each set of two connections")
	require.True(t, b.Find(9).Past())
	require.False(t, b.Row(10).Past())
	require.True(t, b.Row(10).Unsaved(), "a new row is to be stored")
	require.Zero(t, b.Row(10).ToldAt())
	b.Row(10).Told(5, View{})
	require.Equal(t, int64(5), b.Row(10).ToldAt())
}
