package decasim

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// TestSixDays is a long story in fake time: live on both partitions, two hours without a client, and a
// Replay of each of them.
func TestSixDays(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: six days of fake time")
	}
	start := time.Now()
	w := world.New(world.Config{Seed: 3, Rate: 0.5, Sparse: true})
	cfg := ServerConfig{Source: w, Tick: time.Second, Level: Stored, ReplaySpeed: 60, ConnectLimit: -1}
	bubble(t, func(t *testing.T) {
		s := pipeRig(cfg)
		defer s.shut()
		var all []*received
		live := func(d time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			var wg sync.WaitGroup
			all = append(all, s.follow(ctx, &wg, "?partition=1&backfillMinutes=1"), s.follow(ctx, &wg, "?partition=2&backfillMinutes=1"))
			wg.Wait()
		}
		replay := func(at time.Time) {
			got := s.replay(t.Context(), at.Add(-time.Minute), at.Add(time.Hour))
			require.Contains(t, got.notices[0], "Replay Request Completed\"")
			all = append(all, got)
		}
		live(40 * time.Hour)
		time.Sleep(time.Hour)
		live(40 * time.Hour)
		time.Sleep(time.Hour)
		live(62 * time.Hour)
		replay(noon.Add(40 * time.Hour))
		replay(noon.Add(81 * time.Hour))
		s.StopOffering()
		ids := slices.DeleteFunc(unique(all...), func(id snowflake.ID) bool { return id.Time().Before(noon) })
		require.InDelta(t, 144*1800, len(ids), 4000)
		require.NotEmpty(t, s.GoneIDs())
		missing := slices.DeleteFunc(s.UnsentIDs(), s.Gone)
		missing = slices.DeleteFunc(missing, func(id snowflake.ID) bool { return id.Time().After(noon.Add(144*time.Hour - time.Second)) })
		require.Empty(t, missing)
		require.Equal(t, 2, s.Summary().Completed)
	})
	t.Log("real time", time.Since(start))
}
