package refill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// TestWay reads like X's guide to redundancy and recovery (docs/recovery.md): three strategies, the cheapest first. It is
// noon; ago is how long ago the missing minute began.
func TestWay(t *testing.T) {
	const day = 24 * time.Hour
	noon := int64(30_000_000 * minute)
	all := Ways{
		Backfill: 5 * time.Minute,
		Archives: []Copy{{Name: "b", Delay: 5 * time.Minute, Horizon: 5 * day}},
		Rules:    Rules{Method: Replay, Delay: 30 * time.Minute, Horizon: 5 * day},
	}
	without := func(change func(*Ways)) Ways {
		w := all
		w.Archives = append([]Copy(nil), all.Archives...)
		change(&w)
		return w
	}
	noBackfill := without(func(w *Ways) { w.Backfill = 0 })
	noArchive := without(func(w *Ways) { w.Archives = nil })
	noRequests := without(func(w *Ways) { w.Method = None })
	recovery := without(func(w *Ways) { w.Method, w.Rules.Horizon = Recovery, day })
	two := without(func(w *Ways) { w.Archives = append(w.Archives, Copy{Name: "c", Delay: time.Hour, Horizon: day}) })
	words := func(all ...Word) []Word { return all }

	for _, c := range []struct {
		says    string
		ways    Ways
		ago     time.Duration
		lack    Lack
		step    Step
		archive int
	}{
		// First strategy: what the outage left within five minutes comes by backfill, asked for at the reconnect.
		{"an outage of two minutes, about to reconnect", all, 2 * time.Minute, Lack{Connecting: true}, Backfill, 0},
		{"the same, backfill was not bought", noBackfill, 2 * time.Minute, Lack{Connecting: true}, Wait, 0},
		{"the same, X gives none: it cut us for slowness", all, 2 * time.Minute, Lack{Connecting: true, Forfeited: true}, Wait, 0},
		{"backfill was asked for and may still come", all, 2 * time.Minute, Lack{Promised: true}, Wait, 0},
		{"and however long it takes", all, 2 * time.Hour, Lack{Promised: true}, Wait, 0},
		{"connected already: backfill comes at a connect only", all, 2 * time.Minute, Lack{}, Wait, 0},
		{"beyond five minutes, about to reconnect", all, 10 * time.Minute, Lack{Connecting: true}, FromArchive, 0},

		// Second strategy: the redundant consumer of another location, whose emergency store fills the primary one.
		{"an outage of ten minutes", all, 10 * time.Minute, Lack{}, FromArchive, 0},
		{"the other site may still be writing that minute", all, 5 * time.Minute, Lack{}, Wait, 0},
		{"the store is asked first, though Replay could be", all, 2 * time.Hour, Lack{}, FromArchive, 0},
		{"the store alone", noRequests, 2 * time.Hour, Lack{}, FromArchive, 0},
		{"the store alone, and it lacks the minute: it may get it", noRequests, 2 * time.Hour, Lack{Words: words(Lacks)}, Wait, 0},
		{"the first store lacks it, the second is asked", two, 2 * time.Hour, Lack{Words: words(Lacks, Unread)}, FromArchive, 1},
		{"the first store cannot be read, the second is asked", two, 2 * time.Hour, Lack{Words: words(Silent, Unread)}, FromArchive, 1},
		{"the second store is not so far yet", two, 30 * time.Minute, Lack{Words: words(Lacks, Unread)}, Wait, 1},
		{"neither has it", two, 2 * time.Hour, Lack{Words: words(Lacks, Silent)}, Ask, 0},

		// Third strategy: Replay or Recovery, for what nobody stored.
		{"no store: Replay is asked, when the minute's turn comes", noArchive, 10 * time.Minute, Lack{}, Ask, 0},
		{"the store lacks the minute", all, 10 * time.Minute, Lack{Words: words(Lacks)}, Ask, 0},
		{"the store cannot be read", all, 10 * time.Minute, Lack{Words: words(Silent)}, Ask, 0},
		{"Recovery, within its day", recovery, 23 * time.Hour, Lack{Words: words(Lacks)}, Ask, 0},
		{"none was bought, and there is no store", without(func(w *Ways) { w.Method, w.Archives = None, nil }), time.Hour, Lack{}, Wait, 0},

		// Beyond the horizon.
		{"Recovery keeps a day, the store keeps more", recovery, 30 * time.Hour, Lack{}, FromArchive, 0},
		{"the store cannot be read for now: there is hope", recovery, 30 * time.Hour, Lack{Words: words(Silent)}, Wait, 0},
		{"the store was read and lacks it: lost", recovery, 30 * time.Hour, Lack{Words: words(Lacks)}, Lost, 0},
		{"nobody keeps it so long: lost", all, 5*day + time.Minute, Lack{}, Lost, 0},
		{"nor without a store", noArchive, 5*day + time.Minute, Lack{}, Lost, 0},
		{"nor where nothing was bought", noRequests, 5*day + time.Minute, Lack{}, Lost, 0},
		{"to the last moment", noArchive, 5 * day, Lack{}, Ask, 0},
	} {
		t.Run(c.says, func(t *testing.T) {
			l := c.lack
			l.Span = timeline.MinuteOf(noon - c.ago.Milliseconds()).Span()
			if l.Words == nil {
				l.Words = make([]Word, len(c.ways.Archives))
			}
			step, archive := c.ways.Way(noon, l)
			require.Equal(t, c.step.String(), step.String())
			if step == FromArchive {
				require.Equal(t, c.archive, archive)
			}
		})
	}
	require.Equal(t, 5*day, recovery.Reach())
}

// What a reconnect may still bring as a whole is asked of nobody else while the partition is dark.
func TestDarkMinutesWaitForTheReconnect(t *testing.T) {
	now := int64(30_000_000 * minute)
	for name, c := range map[string]struct {
		ago      time.Duration
		backfill time.Duration
		lack     Lack
		want     Step
	}{
		"within reach":      {5 * time.Minute, 5 * time.Minute, Lack{Dark: true}, Wait},
		"out of reach":      {6 * time.Minute, 5 * time.Minute, Lack{Dark: true}, Ask},
		"X gives none":      {4 * time.Minute, 5 * time.Minute, Lack{Dark: true, Forfeited: true}, Ask},
		"it was not bought": {4 * time.Minute, 0, Lack{Dark: true}, Ask},
		"connected already": {4 * time.Minute, 5 * time.Minute, Lack{}, Ask},
	} {
		t.Run(name, func(t *testing.T) {
			c.lack.Span = timeline.MinuteOf(now - c.ago.Milliseconds()).Span()
			step, _ := Ways{Backfill: c.backfill, Rules: replay()}.Way(now, c.lack)
			require.Equal(t, c.want.String(), step.String())
		})
	}
}

// Backfill reaches to the millisecond: of a gap it is the end that counts.
func TestBackfillReachesIntoAGap(t *testing.T) {
	w := Ways{Backfill: 5 * time.Minute, Rules: replay()}
	now := int64(30_000_000 * minute)
	for _, c := range []struct {
		end  int64 // before now
		want Step
	}{{5*minute - 1, Backfill}, {5 * minute, Ask}, {0, Backfill}} {
		to := now - c.end
		step, _ := w.Way(now, Lack{Span: timeline.Span{From: to - 1000, To: to}, Connecting: true})
		require.Equal(t, c.want, step, "%d ms ago", c.end)
	}
}
