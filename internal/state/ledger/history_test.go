package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// What was set is taken once, whole hours at a time, and goes on after a restart.
func TestHistory(t *testing.T) {
	h := NewHistory()
	h.Set(1, 119, 7)
	h.Set(2, 60, 0)
	h.Set(1, 60, 1<<40)
	h.Set(1, 300, Unknown)
	taken := h.Take()
	require.Len(t, taken, 2, "nothing is known of minute 300")
	require.Equal(t, HourRecord{Partition: 1, Hour: 1, Unique: volumes(map[int]int32{59: 7, 0: 1<<31 - 1})}, taken[0])
	require.Equal(t, HourRecord{Partition: 2, Hour: 1, Unique: volumes(map[int]int32{0: 0})}, taken[1])
	require.Empty(t, h.Take())
	h.Set(1, 119, 7)
	require.Empty(t, h.Take(), "nothing changed")

	h.Return(taken[:1])
	require.Equal(t, taken[:1], h.Take())

	again := NewHistory()
	again.Restore(taken)
	again.Set(1, 119, Unknown)
	require.Equal(t, []HourRecord{{Partition: 1, Hour: 1, Unique: volumes(map[int]int32{0: 1<<31 - 1})}}, again.Take())
	again.Forget(119)
	require.Len(t, again.hours, 2, "the hour is not over")
	again.Set(1, 61, 3)
	again.Forget(120)
	require.Empty(t, again.hours)
	require.Empty(t, again.Take())
}

func TestHistoryBefore1970(t *testing.T) {
	h := NewHistory()
	h.Set(1, -1, 5)
	r := h.Take()[0]
	require.Equal(t, int64(-1), r.Hour)
	require.Equal(t, int32(5), r.Unique[59])
	require.Equal(t, timeline.Minute(-1), r.Minute(59))
}

func volumes(known map[int]int32) (all [hourMinutes]int32) {
	for i := range all {
		all[i] = Unknown
		if n, ok := known[i]; ok {
			all[i] = n
		}
	}
	return all
}

// Who delivered what of a minute, until it is closed.
func TestCapture(t *testing.T) {
	b := NewBook(1, 3)
	r := b.Row(7)
	r.Capture(0, 0)
	r.Capture(0, 0)
	r.Capture(1, 1)           // the first, by another
	r.Capture(1, 0)           // again by the same
	r.Capture(0b1000_0000, 2) // of which an earlier process knows
	r.Capture(0b11, 2)        // by the last one too
	require.Equal(t, []int64{0, 1, 0, 0, 1, 0, 0, 1}, r.Histories)
	require.Equal(t, []int64{1, 2, 1}, []int64{r.Missed(0), r.Missed(1), r.Missed(2)})
	r.Close()
	require.Nil(t, r.Histories)
	r.Capture(0, 0)
	require.Zero(t, r.Missed(1))

	b.Unwitnessed(9)
	require.Nil(t, b.Row(8).Histories)
	require.NotNil(t, b.Row(9).Histories)
	require.Nil(t, NewBook(0, 0).Row(9).Histories)
}

func TestCopiesBalance(t *testing.T) {
	b := NewBook(1, 2)
	b.Restore(&MinuteRecord{Partition: 1, Minute: 7, Received: 9, Unique: 1, Duplicate: 8, State: Whole}, nil, false)
	require.True(t, b.Find(7).Balanced())
	for _, k := range []CopyRecord{{Minute: 7, Backfill: 2, Replay: 3}, {Minute: 7, Backfill: 20}, {Minute: 7, Replay: 20, Backfill: 3}, {Minute: 8}} {
		b.RestoreCopies(&k)
		require.True(t, b.Find(7).Balanced(), "rows of different times after damage: %+v", k)
	}
	r := b.Find(7)
	b.RestoreCopies(&CopyRecord{Minute: 7, Backfill: 2, Replay: 3})
	require.Equal(t, Copies{3, 2, 3}, r.Copies)
	for why := range causes {
		r.PostDuplicate(why, 1)
	}
	require.Equal(t, Copies{4, 3, 4}, r.Copies)
	require.True(t, r.Balanced())
	r.Copies[Replay]++
	require.False(t, r.Balanced())
}

// TestHistoryIsToldInOrder: by minute, then by partition, without what is not known.
func TestHistoryIsToldInOrder(t *testing.T) {
	h := NewHistory()
	type told struct {
		m         timeline.Minute
		partition int
		unique    int64
	}
	want := []told{{59, 1, 4}, {60, 1, 0}, {60, 2, 5}, {61, 2, 6}, {119, 1, 7}, {600, 2, 8}}
	for _, i := range []int{3, 0, 5, 1, 4, 2} {
		h.Set(want[i].partition, want[i].m, want[i].unique)
	}
	h.Set(1, 61, 9)
	h.Set(1, 61, Unknown) // it was not whole after all
	var got []told
	h.Each(func(m timeline.Minute, partition int, unique int64) { got = append(got, told{m, partition, unique}) })
	require.Equal(t, want, got)
	for _, w := range want {
		require.Equal(t, w.unique, h.Unique(w.partition, w.m))
	}
	for _, none := range []struct {
		partition int
		m         timeline.Minute
	}{{1, 61}, {1, 58}, {3, 60}, {1, 600}, {1, -1}} {
		require.Equal(t, int64(Unknown), h.Unique(none.partition, none.m), none)
	}
	NewHistory().Each(func(timeline.Minute, int, int64) { t.Error("nothing is known") })
}

// TestWhatWasForgottenIsNotStoredAgain, though its storing failed before.
func TestWhatWasForgottenIsNotStoredAgain(t *testing.T) {
	h := NewHistory()
	h.Set(1, 60, 5)
	h.Set(1, 120, 6)
	taken := h.Take()
	require.Len(t, taken, 2)
	taken[1].Unique[0] = 9 // a copy: it is the caller's
	require.Equal(t, int64(6), h.Unique(1, 120))
	h.Forget(120)
	require.Equal(t, int64(Unknown), h.Unique(1, 60))
	h.Return(taken)
	again := h.Take()
	require.Len(t, again, 1)
	require.Equal(t, int64(2), again[0].Hour)
	require.Equal(t, int32(6), again[0].Unique[0], "as it is now")
}
