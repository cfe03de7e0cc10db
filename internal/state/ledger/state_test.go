package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// The state of a minute, by whether it is closed, covered, and how its gaps ended.
func TestStateOf(t *testing.T) {
	for name, c := range map[string]struct {
		closed, covered bool
		settled         []GapState
		want            State
	}{
		"open, whatever is known": {closed: false, covered: false, want: Open},
		"open and covered":        {closed: false, covered: true, want: Open},
		"whole":                   {closed: true, covered: true, want: Whole},
		"missing":                 {closed: true, covered: false, want: Missing},
		"recovered":               {closed: true, covered: true, settled: []GapState{GapRecovered}, want: Recovered},
		"recovered in part":       {closed: true, covered: false, settled: []GapState{GapRecovered}, want: Missing},
		"lost":                    {closed: true, covered: false, settled: []GapState{GapLost}, want: Lost},
		"lost, then recovered":    {closed: true, covered: true, settled: []GapState{GapLost, GapRecovered}, want: Recovered},
		"recovered, then lost":    {closed: true, covered: true, settled: []GapState{GapRecovered, GapLost}, want: Lost},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBook(1, 2)
			r := b.Row(7)
			if c.closed {
				r.Close()
			}
			for _, s := range c.settled {
				b.Settle(timeline.Span{From: timeline.Minute(7).Milli() + 10_000, To: timeline.Minute(8).Milli()}, s)
			}
			require.Equal(t, c.want, b.StateOf(7, c.covered))
		})
	}
}

// What a gap's end touches is reported and stored again; other minutes are not.
func TestSettleTouchesItsMinutes(t *testing.T) {
	b := NewBook(1, 2)
	for m := range timeline.Minute(4) {
		b.Row(m).Told(1, View{})
		b.Row(m).Saved(true)
	}
	b.Settle(timeline.Span{From: timeline.Minute(1).Milli() + 1, To: timeline.Minute(2).Milli() + 1}, GapRecovered)
	var unsaved []timeline.Minute
	for _, m := range b.Minutes() {
		require.Equal(t, b.Find(m).Unsaved(), b.Find(m).Dirty(), "minute %d", m)
		if b.Find(m).Unsaved() {
			unsaved = append(unsaved, m)
		}
	}
	require.Equal(t, []timeline.Minute{1, 2}, unsaved)
	n := 0
	b.Unsaved(func(_ timeline.Minute, r *Row) { n++; r.Saved(true) })
	require.Equal(t, 2, n)
	b.Unsaved(func(m timeline.Minute, _ *Row) { t.Errorf("minute %d is stored", m) })
}

// A restored row is as it was told, and nothing of it is due.
func TestRestore(t *testing.T) {
	span := timeline.Minute(7).Span()
	b := NewBook(1, 2)
	b.Restore(&MinuteRecord{Partition: 1, Minute: 7, Received: 5, Unique: 3, Duplicate: 2, Late: 1, Emitted: 3, Bytes: 9, Connections: 2,
		Covered: []timeline.Span{{From: span.From, To: span.From + 1000}, {From: span.From + 2000, To: span.To}}, State: Recovered, Digest: 42}, nil, false)
	r := b.Find(7)
	require.True(t, r.Balanced())
	require.True(t, r.Closed())
	require.True(t, r.Past())
	require.False(t, r.Unsaved())
	require.False(t, r.Changed(View{Connections: 2, Covered: 59_000, State: Recovered}), "it was told")
	require.Equal(t, uint64(42), r.Digest)
	require.Equal(t, Recovered, b.StateOf(7, true))
	_, open := b.OldestOpen()
	require.False(t, open)

	b.Restore(&MinuteRecord{Partition: 1, Minute: 8, State: Open}, nil, false)
	b.Restore(&MinuteRecord{Partition: 1, Minute: 9, State: Lost}, nil, false)
	m, open := b.OldestOpen()
	require.True(t, open)
	require.Equal(t, timeline.Minute(8), m)
	require.Equal(t, Lost, b.StateOf(9, false))
	require.Equal(t, 1, b.Close(func(timeline.Minute) bool { return true }, func(timeline.Minute, *Row) {}))
	require.Equal(t, Missing, b.StateOf(8, false))
}

func TestDigestAddsUp(t *testing.T) {
	a, b := []snowflake.ID{1, 2, 1 << 60}, []snowflake.ID{3, 4}
	require.Equal(t, Digest(append(b, a...)...), Digest(a...)+Digest(b...), "order and grouping do not matter")
	require.NotEqual(t, Digest(1, 2), Digest(1, 3))
	require.NotEqual(t, Digest(1, 4), Digest(2, 3), "a sum of the ids themselves would agree")
	require.Zero(t, Digest())
}

func TestGapIsNamedByItsFirstMinute(t *testing.T) {
	g := Gap{Partition: 1, Span: timeline.Span{From: 120_500, To: 180_000}}
	first, end := g.Minutes()
	require.Equal(t, []timeline.Minute{2, 3}, []timeline.Minute{first, end})
	require.True(t, g.Same(Gap{Partition: 1, Span: timeline.Span{From: 120_000}}))
	require.False(t, g.Same(Gap{Partition: 2, Span: g.Span}))
	require.False(t, g.Same(Gap{Partition: 1, Span: timeline.Span{From: 119_999}}))
	require.Equal(t, timeline.Minute(2), (&GapRecord{Span: g.Span}).First())
	g.Span.To = g.Span.From
	first, end = g.Minutes()
	require.Equal(t, first+1, end, "a gap of no length holds its minute")
}
