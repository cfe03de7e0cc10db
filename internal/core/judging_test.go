package core

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// What the next process learns from is whole minutes and no others, and it is as the rows say.
func TestHistoryHoldsWholeMinutes(t *testing.T) {
	s := &script{t: t}
	s.config(Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 2, ConnectLimit: 10, ConnectPeriod: time.Minute, Backfill: BackfillNone,
		DedupWindow: time.Hour, SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second, State: true, Recovery: refill.Rules{Horizon: time.Hour}})
	s.live()
	s.do("accept")
	s.feedOpen(140)
	s.do("ended", "p1.*", "class=reset")
	s.do("+20s")
	s.do("accept")
	s.feedOpen(120)
	s.do("restart", "clean", "down=5s")
	s.do("+1s")
	s.do("accept")
	s.feedOpen(150)
	s.do("stop")

	h := ledger.NewHistory()
	h.Restore(s.shelf.past().Hours)
	whole := 0
	first := timeline.MinuteOf(s.start.UnixMilli())
	for m := first - 1; m < first+8; m++ {
		row, known := s.shelf.minutes[shelfKey{1, m}]
		if !known || row.State != ledger.Whole {
			require.EqualValues(t, ledger.Unknown, h.Unique(1, m), "minute %v is %v", m, row.State)
			continue
		}
		whole++
		require.Equal(t, row.Unique, h.Unique(1, m), "minute %v", m)
		require.EqualValues(t, 180, row.Unique)
	}
	require.Equal(t, 4, whole, "two before the cut, one after it, one after the restart")
}

// A minute that a request filled is whole, but how much of it is of which partition is not known.
func TestHistoryLeavesOutWhatRequestsBrought(t *testing.T) {
	s := newStory(t, 1, 0)
	s.do("accept")
	s.feedOpen(130)
	m := timeline.MinuteOf(s.start.UnixMilli()) + 1
	h := s.core.volumes.History
	require.EqualValues(t, 0, max(0, h.Unique(1, m+1)))
	s.feedOpen(60)
	require.EqualValues(t, 180, h.Unique(1, m))
	p := s.core.partitions[0]
	s.core.any.book.Row(m).PostUnique(m.Milli(), 1)
	require.False(t, s.core.remembered(p, m, ledger.Recovered))
	require.EqualValues(t, ledger.Unknown, h.Unique(1, m))
	require.True(t, s.core.remembered(p, m, ledger.Whole))
	require.False(t, s.core.remembered(p, m, ledger.Missing))
	require.EqualValues(t, ledger.Unknown, h.Unique(1, m))
}
