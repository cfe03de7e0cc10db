package oracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/decasim"
	"github.com/decahose/telegraf-decahose/internal/recovery"
)

// replay has minutes asked for as soon as they are a few minutes old, so that a story is short.
func replay(c *core.Config) {
	c.Recovery = recovery.Rules{Method: recovery.Replay, Window: time.Hour, Delay: 5 * time.Minute, Horizon: 120 * time.Hour,
		Jobs: 1, Limit: 5, Period: 5 * time.Minute}
}

func replayServer(t *testing.T, faults string) decasim.ServerConfig {
	return decasim.ServerConfig{Source: world(15), Faults: plan(t, faults), Seed: 5, ReplayDelay: 5 * time.Minute, ReplaySpeed: 60}
}

// TestOutageBeyondBackfill: what backfill cannot reach comes by Replay, in one request.
func TestOutageBeyondBackfill(t *testing.T) {
	o := play(t, Run{Server: replayServer(t, "outage@2m,for=9m"), Core: replay, Offer: 22 * time.Minute, Dir: t.TempDir()})
	o.sound(t)
	require.Len(t, o.Requests, 1)
	require.Equal(t, "completed", o.Requests[0].End, o.Requests)
}

// TestRestarts: an orderly restart loses and doubles nothing, a kill repeats at most.
func TestRestarts(t *testing.T) {
	for name, l := range map[string]Life{
		"orderly, short": {For: 3 * time.Minute, Down: 2 * time.Second},
		"orderly, long":  {For: 3 * time.Minute, Down: 8 * time.Minute},
		"killed young":   {For: 2500 * time.Millisecond, Kill: true, Down: 2 * time.Second},
		"killed, short":  {For: 3*time.Minute + 2345*time.Millisecond, Kill: true, Down: 2 * time.Second},
		"killed, long":   {For: 3 * time.Minute, Kill: true, Down: 8 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			o := play(t, Run{Server: replayServer(t, ""), Core: replay, Offer: 20 * time.Minute, Dir: t.TempDir(), Lives: []Life{l}})
			o.sound(t)
			if !l.Kill {
				require.Zero(t, o.Repeated)
			}
		})
	}
}
