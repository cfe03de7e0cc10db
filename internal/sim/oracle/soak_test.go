package oracle

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

var (
	plans = flag.Int("plans", 4, "how many random fault plans to play")
	seed  = flag.Uint64("seed", 1, "seed of the first of them")
	roads = flag.Bool("roads", true, "plan roads that are closed and healed, too")
)

// TestRandomPlans plays fault plans drawn by seed: nothing may be lost or doubled. A seed that fails
// says how to play it again.
func TestRandomPlans(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many minutes of fake time")
	}
	var played, lost, doubled, told atomic.Int64
	t.Cleanup(func() {
		fmt.Printf("of %d Tweets requests lied each time, and their minutes are told of\n", told.Load())
		fmt.Printf("plans %d lost %d doubled %d\n", played.Load(), lost.Load(), doubled.Load())
	})
	for s := *seed; s < *seed+uint64(*plans); s++ {
		t.Run(fmt.Sprint("seed ", s), func(t *testing.T) {
			t.Parallel()
			o := randomRun(t, s)
			played.Add(1)
			lost.Add(int64(len(o.Lost)))
			doubled.Add(int64(len(o.Doubled)))
			told.Add(int64(len(o.Told)))
			// Faults of requests befall one after the other: when all is whole, no more are made. A liar's connection may be gone.
			o.Unfired = slices.DeleteFunc(o.Unfired, func(f string) bool { return strings.HasPrefix(f, "replay-") || strings.HasPrefix(f, "liar") })
			if o.Open > 0 || o.Err != nil || len(o.Lost)+len(o.Doubled)+len(o.Wrong)+len(o.Unfired)+len(o.Dark) > 0 {
				t.Errorf("seed %d: %v, %v, unfired %v, dark %v\n%s\nagain: go test ./internal/sim/oracle -run TestRandomPlans -args -plans 1 -seed %d",
					s, o, o.Err, o.Unfired, o.Dark, strings.Join(o.Notes, "\n"), s)
			}
		})
	}
}

// randomRun is a function of the seed: faults of connections and requests, outages beyond backfill, and, with every
// other seed, lives that end and state that is damaged. Connections that lose Tweets come only where nothing else
// could lose them: what only a lossy backfill brought cannot be known to be missing.
func randomRun(t *testing.T, seed uint64) *Outcome {
	const faults = 12 * time.Minute
	r := rand.New(rand.NewPCG(seed, 0))
	o := decasim.RandomOptions{Duration: faults, Spacing: 80 * time.Second, Backfill: true, Long: true, LongFor: 8 * time.Minute, Recovery: true, Liars: true, Lies: true, Roads: *roads}
	run := Run{Offer: faults + 8*time.Minute, Patient: 3 * time.Hour, Dir: t.TempDir(), Core: replay}
	if seed%2 == 0 {
		o.Connections = 1
		run.Lives = randomLives(r, run.Dir)
	}
	for _, l := range run.Lives {
		run.Offer += l.For + l.Down
	}
	plan := decasim.RandomPlan(seed, o)
	run.Server = decasim.ServerConfig{Seed: seed, Faults: plan, Level: level(seed), ReplayDelay: 5 * time.Minute, ReplaySpeed: 60,
		Source: world.New(world.Config{Seed: seed, Rate: 15})}
	outcome := play(t, run)
	if len(run.Lives) > 0 {
		outcome.Unfired, outcome.Dark = nil, nil // a fault's time may pass, and end, while the process is down
	}
	return outcome
}

// level has every fourth pair of seeds compressed: without that a plan takes little more than half the time.
func level(seed uint64) int {
	if seed/2%4 == 0 {
		return -2 // Huffman's code only
	}
	return decasim.Stored
}

func randomLives(r *rand.Rand, dir string) (lives []Life) {
	for range 1 + r.IntN(3) {
		l := Life{For: time.Minute + time.Duration(r.Int64N(int64(4*time.Minute))), Kill: r.IntN(3) > 0,
			Down: time.Duration(r.Int64N(int64(10 * time.Second)))}
		switch r.IntN(4) {
		case 0:
			l.Down = time.Duration(r.Int64N(int64(4 * time.Minute)))
		case 1:
			l.Down = 5*time.Minute + time.Duration(r.Int64N(int64(8*time.Minute)))
		}
		if r.IntN(4) == 0 {
			l.Damage = true
			l.Then = func() { damage(r, dir) }
		}
		lives = append(lives, l)
	}
	return lives
}

// damage flips bits in one file of the state, or cuts its end off.
func damage(r *rand.Rand, dir string) {
	var files []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Base(path) != "lock" {
			files = append(files, path)
		}
		return nil
	})
	path := files[r.IntN(len(files))]
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return
	}
	if r.IntN(2) == 0 {
		b = b[:r.IntN(len(b))]
	} else {
		for range 8 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		panic(err)
	}
}
