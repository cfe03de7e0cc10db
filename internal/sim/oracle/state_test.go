package oracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

// replay has minutes asked for as soon as they are a few minutes old, so that a story is short.
func replay(c *core.Config) {
	c.Recovery = refill.Rules{Method: refill.Replay, Window: time.Hour, Delay: 5 * time.Minute, Horizon: 120 * time.Hour,
		Jobs: 1, Limit: 5, Period: 5 * time.Minute}
}

func replayServer(t *testing.T, faults string) decasim.ServerConfig {
	return decasim.ServerConfig{Source: newWorld(15), Faults: plan(t, faults), Seed: 5, ReplayDelay: 5 * time.Minute, ReplaySpeed: 60}
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
			shortly(t, name == "killed, short")
			o := play(t, Run{Server: replayServer(t, ""), Core: replay, Offer: 20 * time.Minute, Dir: t.TempDir(), Lives: []Life{l}})
			o.sound(t)
			if !l.Kill {
				require.Zero(t, o.Repeated)
			}
		})
	}
}

// TestPromisedAndNotDelivered: X takes the request for backfill and brings nothing. Once that is judged the minutes go to
// Replay, although the connection lives on; and a stop right after has the last word of each minute right.
func TestPromisedAndNotDelivered(t *testing.T) {
	server := replayServer(t, "outage@2m,for=100s")
	server.Backfill = decasim.BackfillIgnore
	o := play(t, Run{Server: server, Core: replay, Offer: 9*time.Minute + 14*time.Second, Dir: t.TempDir()})
	o.sound(t)
	require.Len(t, o.Requests, 1, o.Notes)
	states := map[string]string{}
	for p := range points(o.Lines) {
		if p.name == "decahose_volume" {
			states[p.tags["partition"]+" "+time.Unix(0, p.time).UTC().Format("15:04")] = p.fields["state"].(string)
		}
	}
	for _, partition := range []string{"1", "2", "all"} {
		for minute, want := range map[string]string{"12:01": "recovered", "12:02": "recovered", "12:03": "recovered", "12:05": "whole"} {
			require.Equal(t, want, states[partition+" "+minute], "%s %s", partition, minute)
		}
	}
}
