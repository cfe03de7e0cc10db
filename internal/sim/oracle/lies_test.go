package oracle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

// TestReplayLies: a Replay that says it is completed and delivers next to nothing is asked again twice. Where it lies each
// time nothing is lost in silence: each minute of the outage is told of as not full.
func TestReplayLies(t *testing.T) {
	t.Parallel()
	for _, lie := range decasim.Lies {
		for times, name := range map[string]string{"2": "twice", "99": "always"} {
			t.Run(lie+" "+name, func(t *testing.T) {
				shortly(t, lie == "one")
				faults := "outage@3m,for=8m replay-lie@0s,variant=" + lie + ",times=" + times
				o := play(t, Run{Server: replayServer(t, faults), Core: replay, Offer: 20 * time.Minute, Patient: 3 * time.Hour, Dir: t.TempDir()})
				require.NoError(t, o.Err)
				require.Len(t, o.Requests, 3)
				require.Zero(t, o.Open)
				require.Empty(t, o.Lost, "in silence")
				require.Empty(t, o.Doubled)
				if name == "twice" {
					require.Empty(t, o.Told)
				} else {
					require.NotEmpty(t, o.Told)
				}
			})
		}
	}
}
