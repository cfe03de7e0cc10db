package oracle

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/decahose/telegraf-decahose/internal/decasim"
)

var (
	plans = flag.Int("plans", 4, "how many random fault plans to play")
	seed  = flag.Uint64("seed", 1, "seed of the first of them")
)

// TestRandomPlans plays fault plans drawn by seed: nothing may be lost or doubled. A seed that fails
// says how to play it again.
func TestRandomPlans(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many minutes of fake time")
	}
	lost, doubled := 0, 0
	for s := *seed; s < *seed+uint64(*plans); s++ {
		o := randomRun(t, s)
		lost, doubled = lost+len(o.Lost), doubled+len(o.Doubled)
		if o.Err != nil || len(o.Lost)+len(o.Doubled)+len(o.Wrong)+len(o.Unfired) > 0 {
			t.Errorf("seed %d: %v, %v, unfired %v\n%s\nagain: go test ./internal/oracle -run TestRandomPlans -plans 1 -seed %d",
				s, o, o.Err, o.Unfired, strings.Join(o.Notes, "\n"), s)
		}
	}
	fmt.Printf("plans %d lost %d doubled %d\n", *plans, lost, doubled)
}

func randomRun(t *testing.T, seed uint64) *Outcome {
	const offer = 10 * time.Minute
	plan := decasim.RandomPlan(seed, decasim.RandomOptions{Duration: offer - time.Minute, Spacing: 80 * time.Second, Backfill: true})
	return play(t, Run{Offer: offer, Server: decasim.ServerConfig{Seed: seed, Faults: plan, Level: -2,
		Source: decasim.NewWorld(decasim.WorldConfig{Seed: seed, Rate: 25})}})
}
