package oracle

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
)

// TestSixDays is a week that nobody wants to be on call in, with X's own delay and horizon: outages of hours, a partition
// that is dark for half a day, kills, and a night without the process. In the end every Tweet is there that X
// still had.
func TestSixDays(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: six days of fake time")
	}
	t.Parallel()
	const hour = time.Hour
	o := play(t, Run{
		Offer: 144 * hour, Patient: 24 * hour, Dir: t.TempDir(),
		Server: decasim.ServerConfig{Source: world.New(world.Config{Seed: 3, Rate: 0.5, Sparse: true}),
			Tick: time.Second, Level: decasim.Stored, ReplaySpeed: 10, Seed: 5,
			Faults: plan(t, "outage@20h,for=7h status@50h,for=13h,code=503,partition=2 reset@50h,partition=2,connection=every "+
				"replay-cut@20h,after-records=40,times=5 replay-errors@51h,times=2,share=0.2 replay-lost-completed@60h,times=2")},
		Stream: func(o *stream.Options) { o.SilenceTimeout = 2 * time.Minute },
		Core: func(c *core.Config) {
			c.Recovery = refill.Rules{Method: refill.Replay, Window: hour, Delay: 30 * time.Minute, Horizon: 120 * hour, Jobs: 1, Limit: 5, Period: 5 * time.Minute}
			c.FactsEvery, c.Interval, c.SilenceTimeout = 5*time.Minute, hour, 2*time.Minute
		},
		Lives: []Life{{For: 30 * hour, Kill: true, Down: 10 * time.Second}, {For: 40 * hour, Down: 9 * hour}, {For: 20 * hour, Kill: true, Down: 3 * time.Minute}},
	})
	o.sound(t)
	require.Zero(t, o.Open, strings.Join(o.Notes[max(0, len(o.Notes)-40):], "\n"))
	t.Log(o, "repeated", o.Repeated, "requests", len(o.Requests))
}
