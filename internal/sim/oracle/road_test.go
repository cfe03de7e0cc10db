package oracle

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

// TestHealedRoads: whatever closed the road, and for whichever partition, it is found healed in time; without Replay
// nothing is lost that backfill could bring.
func TestHealedRoads(t *testing.T) {
	both := " reset@20s,connection=every,partition=1 reset@20s,connection=every,partition=2"
	one := " reset@20s,connection=every,partition=1"
	for name, faults := range map[string]string{
		"503 for one":      "status@20s,code=503,for=190s,partition=1" + one,
		"503 for all":      "status@20s,code=503,for=220s" + both,
		"redirect":         "status@20s,code=302,for=5s" + both,
		"401":              "status@20s,code=401,for=100s" + both,
		"403 for one":      "status@20s,code=403,for=70s,partition=1" + one,
		"101":              "status@20s,code=101,for=60s" + both,
		"page":             "status@20s,code=200,for=90s" + both,
		"dead sockets":     "phantoms@20s,for=100s" + both,
		"unreachable":      "outage@20s,for=200s",
		"long unreachable": "outage@20s,for=20m",
		"long 503":         "status@20s,code=503,for=20m,partition=2 reset@20s,connection=every,partition=2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && !strings.Contains(name, "page") && !strings.Contains(name, "one") {
				t.Skip("-short: some of the roads")
			}
			offer := 6 * time.Minute
			if strings.HasPrefix(name, "long") {
				offer = 22 * time.Minute
			}
			o := play(t, Run{Server: decasim.ServerConfig{Source: newWorld(20), Faults: plan(t, faults), Seed: 5}, Offer: offer,
				Core: func(c *core.Config) { c.Backfill = core.BackfillAuto }})
			require.Empty(t, o.Dark, strings.Join(o.Notes, "\n"))
			require.Empty(t, o.Unfired)
			if !strings.HasPrefix(name, "long") {
				o.sound(t)
			}
		})
	}
}
