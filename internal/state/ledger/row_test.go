package ledger

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// entry is one posting, kept in a list: what a Row must add up to is counted in it.
type entry struct {
	unique, late bool
	ms           int64
	why          Cause
	bytes        int
}

// TestARowAddsUpItsPostings compares it, after each posting, with the list of them.
func TestARowAddsUpItsPostings(t *testing.T) {
	const minute = timeline.Minute(29_000_000)
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := NewBook(1, 2).Row(minute)
		var list []entry
		closed := false
		for range 200 {
			r.Told(1, View{})
			r.Saved(true)
			e := entry{unique: rng.IntN(3) > 0, ms: minute.Milli() + rng.Int64N(timeline.MinuteMilli), why: Cause(rng.IntN(int(causes))), bytes: rng.IntN(5000), late: closed}
			if e.unique {
				r.PostUnique(e.ms, e.bytes)
			} else {
				r.PostDuplicate(e.why, e.bytes)
			}
			list = append(list, e)
			require.True(t, r.Dirty() && r.Unsaved(), "a posting is to be told and stored")
			requireAddsUp(t, r, minute, list, rng)
			if rng.IntN(100) == 0 {
				r.Close()
				closed = true
			}
		}
	}
}

func requireAddsUp(t *testing.T, r *Row, minute timeline.Minute, list []entry, rng *rand.Rand) {
	t.Helper()
	from := minute.Milli() + rng.Int64N(60)*1000
	span := timeline.Span{From: from, To: from + 1000*rng.Int64N(60)}
	var want Row
	within := int64(0)
	for _, e := range list {
		want.Received++
		want.Bytes += int64(e.bytes)
		if !e.unique {
			want.Duplicate++
			want.Copies[e.why]++
			continue
		}
		want.Unique++
		if e.late {
			want.Late++
		}
		if span.From <= e.ms && e.ms < span.To {
			within++
		}
	}
	require.Equal(t, []int64{want.Received, want.Unique, want.Duplicate, want.Late, want.Bytes}, []int64{r.Received, r.Unique, r.Duplicate, r.Late, r.Bytes})
	require.Equal(t, want.Copies, r.Copies)
	require.Equal(t, within, r.Within(minute, span), "whole seconds")
	require.True(t, r.Balanced())
}

func TestWithin(t *testing.T) {
	const m = timeline.Minute(100)
	r := NewBook(1, 2).Row(m)
	for _, ms := range []int64{0, 999, 1000, 30_500, 59_999} {
		r.PostUnique(m.Milli()+ms, 1)
	}
	require.Equal(t, uint16(2), r.Seconds()[0])
	require.Equal(t, uint16(1), r.Seconds()[59])
	for _, c := range []struct{ from, to, want int64 }{
		{0, 60_000, 5},
		{-60_000, 120_000, 5}, // beyond the minute there is nothing of it
		{0, 1000, 2},
		{0, 1001, 3}, // a second that it touches counts whole
		{999, 1000, 2},
		{1000, 1001, 1},
		{1001, 30_000, 1},
		{30_000, 30_001, 1},
		{31_000, 59_000, 0},
		{59_000, 60_000, 1},
		{60_000, 61_000, 0},
		{-1, 0, 0},
		{5, 5, 0},
		{10, 5, 0},
	} {
		require.Equal(t, c.want, r.Within(m, timeline.Span{From: m.Milli() + c.from, To: m.Milli() + c.to}), c)
	}
}

func TestSecondsSaturate(t *testing.T) {
	r := NewBook(1, 2).Row(0)
	for range 1<<16 + 5 {
		r.PostUnique(7_300, 0)
	}
	require.Equal(t, uint16(1<<16-1), r.Seconds()[7])
	require.Equal(t, int64(1<<16+5), r.Unique, "the count itself goes on")
	require.True(t, r.Balanced())
}

// TestEachImbalanceIsSeen: what is no double entry is told apart from what is.
func TestEachImbalanceIsSeen(t *testing.T) {
	sound := func() *Row {
		return &Row{Received: 10, Unique: 6, Duplicate: 4, Copies: Copies{1, 1, 2}, Late: 2, Given: 5, Emitted: 4}
	}
	require.True(t, sound().Balanced())
	for name, spoil := range map[string]func(*Row){
		"received": func(r *Row) { r.Received++ }, "received less": func(r *Row) { r.Received-- },
		"unique": func(r *Row) { r.Unique++ }, "duplicate": func(r *Row) { r.Duplicate++ },
		"redundant": func(r *Row) { r.Copies[Redundant]++ }, "backfill": func(r *Row) { r.Copies[Backfill]-- }, "replay": func(r *Row) { r.Copies[Replay]++ },
		"given": func(r *Row) { r.Given = 7 }, "emitted": func(r *Row) { r.Emitted = 6 }, "late": func(r *Row) { r.Late = 7 },
	} {
		r := sound()
		spoil(r)
		require.False(t, r.Balanced(), name)
	}
	r := sound()
	r.Given, r.Emitted, r.Late = 6, 6, 6
	require.True(t, r.Balanced(), "all of them")
}

// TestWhatIsKnownBehindTheSink is never more than what was given away, and each Tweet is in one of the counts.
func TestWhatIsKnownBehindTheSink(t *testing.T) {
	r := &Row{Received: 3, Unique: 3, Given: 3, Emitted: 3}
	r.PostDelivered(10)
	r.PostRefused()
	r.PostDelivered(11)
	require.Equal(t, Tracked{Delivered: 2, Refused: 1, DeliveredDigest: Digest(10, 11)}, r.Tracked)
	require.True(t, r.Dirty() && r.Unsaved())

	r.Told(1, View{})
	r.Saved(true)
	r.PostDelivered(12)
	r.PostRefused()
	require.Equal(t, Tracked{Delivered: 2, Refused: 1, DeliveredDigest: Digest(10, 11)}, r.Tracked, "there are but three")
	require.False(t, r.Dirty() || r.Unsaved(), "nothing changed")

	r = &Row{Unique: 2, Given: 2, Emitted: 2, Tracked: Tracked{Untracked: 2}}
	r.PostDelivered(10)
	require.Zero(t, r.Delivered, "nobody says what became of either")
}

func TestUndeliver(t *testing.T) {
	r := &Row{Unique: 2, Given: 2, Emitted: 2, Tracked: Tracked{Delivered: 2, DeliveredDigest: Digest(10, 11)}}
	r.Undeliver(11, false)
	require.Equal(t, Tracked{Delivered: 1, DeliveredDigest: Digest(10)}, r.Tracked, "it waits")
	r.Undeliver(10, true)
	require.Equal(t, Tracked{Refused: 1}, r.Tracked)
	require.True(t, r.Dirty() && r.Unsaved())
	r.Told(1, View{})
	r.Undeliver(10, true)
	require.Equal(t, Tracked{Refused: 1}, r.Tracked, "there is none that was delivered")
	require.False(t, r.Dirty())
}

// TestUnpost: a Tweet that was lost behind us counts as a copy of the one to come, and the row stays balanced.
func TestUnpost(t *testing.T) {
	all := []snowflake.ID{10, 11, 12}
	row := func(t Tracked) *Row {
		return &Row{Received: 5, Unique: 3, Duplicate: 2, Copies: Copies{0, 2, 0}, Late: 3, Given: 3, Emitted: 3, Digest: Digest(all...), Tracked: t}
	}
	r := row(Tracked{Untracked: 3})
	r.Unpost(11, true)
	require.Equal(t, &Row{Received: 5, Unique: 2, Duplicate: 3, Copies: Copies{1, 2, 0}, Late: 2, Given: 2, Emitted: 2, Digest: Digest(10, 12),
		Tracked: Tracked{Untracked: 2}, dirty: true, unsaved: true}, r)
	require.True(t, r.Balanced())

	r = row(Tracked{Delivered: 2, Untracked: 1})
	r.Unpost(11, false)
	require.Equal(t, Digest(all...), r.Digest, "its id was not among them")
	require.Equal(t, []int64{1, 1}, []int64{r.Delivered, r.Untracked})

	r = row(Tracked{Delivered: 1})
	r.Unpost(11, true)
	require.Equal(t, int64(1), r.Delivered, "it was one of those on their way")

	for range 4 {
		r.Unpost(12, false)
	}
	require.Equal(t, []int64{0, 0, 0, 5, 0}, []int64{r.Unique, r.Emitted, r.Given, r.Duplicate, r.Late}, "there were but three")
	require.True(t, r.Balanced())
}

// TestRestoreOfWhatWasTracked: what is in neither spool nor quarantine was delivered, unless the spool is in doubt.
func TestRestoreOfWhatWasTracked(t *testing.T) {
	for name, c := range map[string]struct {
		stored   *Tracked
		doubtful bool
		want     Tracked
	}{
		"nothing was tracked":      {nil, false, Tracked{Untracked: 5}},
		"nothing, in doubt":        {nil, true, Tracked{Untracked: 5}},
		"all is delivered":         {&Tracked{Delivered: 1, Refused: 1, DeliveredDigest: 7}, false, Tracked{Delivered: 5, DeliveredDigest: 99}},
		"some were never tracked":  {&Tracked{Delivered: 1, Untracked: 2, DeliveredDigest: 7}, false, Tracked{Delivered: 3, Untracked: 2, DeliveredDigest: 7}},
		"more than there are":      {&Tracked{Untracked: 9}, false, Tracked{Untracked: 5}},
		"only what the ledger had": {&Tracked{Delivered: 2, Refused: 1, DeliveredDigest: 7}, true, Tracked{Delivered: 2, Refused: 1, DeliveredDigest: 7}},
	} {
		b := NewBook(1, 2)
		b.Restore(&MinuteRecord{Minute: 7, Received: 5, Unique: 5, Emitted: 5, Digest: 99}, c.stored, c.doubtful)
		r := b.Find(7)
		require.Equal(t, c.want, r.Tracked, name)
		require.Equal(t, r.Emitted, r.Given, "nothing is on its way")
		require.LessOrEqual(t, r.known(), r.Given, name)
	}
}

func TestNames(t *testing.T) {
	require.Equal(t, []string{"whole", "recovered", "open", "gap", "lost"}, []string{Whole.String(), Recovered.String(), Open.String(), Missing.String(), Lost.String()})
	require.Equal(t, []string{"open", "requested", "recovered", "lost"}, []string{GapOpen.String(), GapRequested.String(), GapRecovered.String(), GapLost.String()})
	require.Equal(t, []string{"full", "unproven", "doubted", "thin"}, []string{FillFull.String(), FillUnproven.String(), FillDoubted.String(), FillThin.String()})
	require.Less(t, Whole, Recovered, "from the best to the worst")
	require.Less(t, Missing, Lost)
}
