package seen

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// idAt is an id of so many seconds after the start.
func idAt(seconds int) snowflake.ID {
	return snowflake.First(start.Add(time.Duration(seconds) * time.Second).UnixMilli())
}

// fresh is a set at the start, in whose bounds an hour to both sides is.
func fresh() *IDs {
	s := New(time.Hour, true)
	now := timeline.MinuteOf(start.UnixMilli())
	s.At(start, Bounds{First: now - 60, End: now + 60})
	return s
}

func batch(ids ...snowflake.ID) *wire.Batch {
	b := &wire.Batch{}
	for _, id := range ids {
		b.Frames = append(b.Frames, wire.Frame{Kind: wire.Record, ID: id})
	}
	return b
}

// An id of no time that the stream can be at is known as others are, in a place of its own.
func TestOddIDs(t *testing.T) {
	s := fresh()
	for _, seconds := range []int{0, 365 * 86400, -365 * 86400} {
		known, _ := s.Look(idAt(seconds), 1)
		require.False(t, known, seconds)
		s.Know(idAt(seconds), 1)
		known, before := s.Look(idAt(seconds), 2)
		require.True(t, known, seconds)
		require.EqualValues(t, 1<<1, before, seconds)
	}
	require.Equal(t, 1, s.Size().IDs)
	require.Equal(t, 2, s.Size().Odd)

	s.At(start, Bounds{Doubtful: true})
	s.Know(idAt(2*365*86400), 1)
	require.Equal(t, 2, s.Size().IDs, "nobody knows which ids are odd")
}

// A record of a minute that is in the store waits until its ids came, and other minutes do not.
func TestColdMinuteWaits(t *testing.T) {
	s := fresh()
	m := timeline.MinuteOf(start.UnixMilli())
	require.False(t, s.Awaits(batch(idAt(1))))
	s.Stored(m)
	require.False(t, s.Awaits(batch(idAt(61))))
	require.True(t, s.Awaits(batch(idAt(61), idAt(1))))
	require.True(t, s.Awaits(batch(idAt(2))))
	require.Equal(t, []timeline.Minute{m}, s.TakeWanted(nil), "it is loaded once")
	require.Empty(t, s.TakeWanted(nil))

	require.True(t, s.Loaded(m, []snowflake.ID{idAt(1)}, []snowflake.ID{idAt(2)}))
	require.False(t, s.Awaits(batch(idAt(1))))
	for k, want := range map[int]bool{1: true, 2: true, 3: false} {
		known, _ := s.Look(idAt(k), 0)
		require.Equal(t, want, known, k)
	}
}

// A load that was given up and comes when the minute is cold once more does not make it warm.
func TestLateLoad(t *testing.T) {
	s := fresh()
	m := timeline.MinuteOf(start.UnixMilli())
	s.Stored(m)
	s.Want(m)
	require.Empty(t, s.Overdue())
	s.At(start.Add(LoadPatience), s.bounds)
	require.Equal(t, []timeline.Minute{m}, s.Overdue())
	s.GiveUp(m, nil)
	require.False(t, s.Cold(m))

	s.Stored(m)
	s.Want(m)
	require.False(t, s.Loaded(m, []snowflake.ID{idAt(1)}, nil), "that is the first one")
	require.True(t, s.Cold(m))
	known, _ := s.Look(idAt(1), 0)
	require.True(t, known, "what it brings is true all the same")
	require.True(t, s.Loaded(m, nil, nil))
	require.False(t, s.Cold(m))
}

// Ids that are forgotten are in the store, where there is one: their minute is cold from then on.
func TestForgottenIsCold(t *testing.T) {
	for _, stored := range []bool{true, false} {
		s := New(time.Minute, stored)
		m := timeline.MinuteOf(start.UnixMilli())
		s.At(start, Bounds{First: m - 60, End: m + 60})
		s.Know(idAt(0), 0)
		s.At(start.Add(time.Hour), Bounds{First: m - 60, End: m + 120})
		s.Expire()
		require.Equal(t, stored, s.Cold(m))
		s.ForgetBefore(m + 1)
		require.False(t, s.Cold(m))
	}
}

// What goes to the store while a minute is loaded may not be in the load.
func TestStoredDuringALoad(t *testing.T) {
	s := fresh()
	m := timeline.MinuteOf(start.UnixMilli())
	groups := []ledger.IDs{{Minute: m, IDs: []snowflake.ID{idAt(1)}}}
	s.InStore(groups)
	require.Zero(t, s.Size().IDs)
	s.Stored(m)
	s.Want(m)
	s.InStore(groups)
	require.Equal(t, 1, s.Size().IDs)
	s.Cool([]timeline.Minute{m}, m)
	require.Equal(t, 1, s.Size().IDs, "live connections may still bring it")
	s.Cool([]timeline.Minute{m}, m+1)
	require.Zero(t, s.Size().IDs)
}

func TestDoubt(t *testing.T) {
	s := fresh()
	require.True(t, s.Doubt(1, 0))
	require.True(t, s.Doubt(1, 0), "the same connection again proves nothing")
	require.False(t, s.Doubt(1, 1), "X sends it so")
	for k := range 2 * doubtMost {
		s.Doubt(snowflake.ID(k), 0)
	}
	require.LessOrEqual(t, len(s.doubts), doubtMost)
}

func TestUnseen(t *testing.T) {
	s := fresh()
	s.Know(idAt(1), 0)
	s.Unsee(idAt(1))
	require.True(t, s.Unseen(idAt(1)))
	require.Equal(t, 1, s.UnseenLen())
	s.Retake(idAt(1))
	require.False(t, s.Unseen(idAt(1)))
}
