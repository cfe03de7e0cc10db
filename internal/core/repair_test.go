package core

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// TestWhatAWholeReplayDoesNotBringIsGone: a repair whose Replay was whole asks nobody any more for what did not come, over a
// restart too; an order to have it again does, and what comes then counts once.
func TestWhatAWholeReplayDoesNotBringIsGone(t *testing.T) {
	s := &script{t: t}
	s.config(Config{StreamLabel: "prod", Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, DedupWindow: time.Hour, SilenceTimeout: 10 * time.Second,
		Interval: 10 * time.Second, Partitions: []int{1}, State: true, Backfill: BackfillNone,
		Recovery: refill.Rules{Method: refill.Replay, Horizon: 120 * time.Hour, Window: time.Hour, Delay: time.Minute, Jobs: 1, Limit: 5, Period: time.Minute}})
	s.live()
	play := func(text string) {
		for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
			s.command(strings.Fields(line))
		}
	}
	replay := func(rate string) {
		play("await r0\nopened r0\nreplay r0 from=12:00 to=12:01 rate=" + rate + "\nresult r0 message=Replay_Request_Completed\nended r0 class=completed\nfeed * for=30s rate=5")
	}
	m := timeline.MinuteOf(s.start.UnixMilli())
	play("accept\nfeed * for=180s rate=5\norder repair from=12:00 to=12:01 n=7")
	replay("5 less=3") // the first three of each ten seconds are gone
	require.NotEmpty(t, s.shelf.gone[m].IDs)
	require.Empty(t, s.shelf.repairs[m].Pending)
	gone := len(s.shelf.gone[m].IDs)

	play("restart clean down=5s\naccept\nfeed * for=90s rate=5")
	require.Len(t, s.core.repairs[m].gone, gone)
	play("await r0\nopened r0\nreplay r0 from=12:03 to=12:05 rate=5\nresult r0 message=Replay_Request_Completed\nended r0 class=completed\nfeed * for=90s rate=5")
	play("order again from=12:00 to=12:01 n=7")
	replay("5") // now all of it
	require.Empty(t, s.shelf.gone[m].IDs)
	require.Empty(t, s.shelf.repairs[m].Pending)
}
