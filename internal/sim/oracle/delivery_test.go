package oracle

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// delivered checks that everything offered is in the stores, or refused, and that the plugin's books say so.
func (o *Outcome) delivered(t *testing.T, context ...any) {
	t.Helper()
	if o.Open+o.Undelivered > 0 || o.Err != nil || len(o.Lost)+len(o.Wrong) > 0 {
		t.Fatalf("%v: %v, undelivered %d, %v\n%s", fmt.Sprint(context...), o, o.Undelivered, o.Err, strings.Join(o.Notes, "\n"))
	}
}

// TestOutputsInTrouble: whatever outputs do for a while, in the end they have everything.
func TestOutputsInTrouble(t *testing.T) {
	for name, o := range map[string]*Outputs{
		"fine":              {Spool: 64 << 20},
		"no spool":          {Spells: []Spell{{time.Minute, 20 * time.Second, Failing}}},
		"failing":           {Spool: 64 << 20, Spells: []Spell{{time.Minute, 2 * time.Minute, Failing}}},
		"hanging":           {Spool: 64 << 20, Spells: []Spell{{time.Minute, 2 * time.Minute, Hanging}}},
		"slow":              {Spool: 64 << 20, Memory: 100, Spells: []Spell{{time.Minute, 2 * time.Minute, Slow}}},
		"poison":            {Spool: 64 << 20, Poison: 97},
		"spool full":        {Spool: 1 << 20, Memory: 100, Spells: []Spell{{30 * time.Second, 7 * time.Minute, Failing}}},
		"no spool for long": {Memory: 100, Spells: []Spell{{30 * time.Second, 7 * time.Minute, Failing}}},
	} {
		t.Run(name, func(t *testing.T) {
			shortly(t, name == "poison")
			r := play(t, Run{Server: replayServer(t, ""), Core: replay, Offer: 12 * time.Minute, Patient: time.Hour, Dir: t.TempDir(), Outputs: o})
			r.delivered(t, name)
			require.Equal(t, o.Poison != 0, r.Refused > 0)
			if name != "spool full" && name != "no spool for long" {
				require.Empty(t, r.Requests, "nothing was missing")
			}
			r.booksAgree(t)
		})
	}
}

// booksAgree checks the last word on each minute against the stores.
func (o *Outcome) booksAgree(t *testing.T) {
	t.Helper()
	type book struct{ emitted, delivered int64 }
	last := map[int64]book{}
	for p := range points(o.Lines) {
		if p.name == "decahose_volume" && p.tags["partition"] == "all" {
			last[p.time] = book{p.fields["emitted"].(int64), p.fields["delivered"].(int64)}
		}
	}
	var all book
	for _, b := range last {
		all.emitted += b.emitted
		all.delivered += b.delivered
	}
	require.EqualValues(t, o.Emitted, all.emitted, "emitted, as the plugin says")
	require.EqualValues(t, o.Emitted-o.Refused, all.delivered, "delivered, as the plugin says")
}

// TestKilledWithASpool: what was in the spool is delivered by the next life, and nothing is asked of Replay.
func TestKilledWithASpool(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprint("kill ", kill), func(t *testing.T) {
			long(t)
			o := &Outputs{Spool: 64 << 20, Memory: 100, Spells: []Spell{{time.Minute, 4 * time.Minute, Failing}}}
			r := play(t, Run{Server: replayServer(t, ""), Core: replay, Offer: 10 * time.Minute, Patient: time.Hour, Dir: t.TempDir(), Outputs: o,
				Lives: []Life{{For: 3*time.Minute + 2500*time.Millisecond, Kill: kill, Down: 3 * time.Second}}})
			r.delivered(t)
			require.Empty(t, r.Requests)
			r.booksAgree(t)
		})
	}
}

// TestDeliveryPlans plays faults of X, of the outputs, and of the process, drawn by seed.
func TestDeliveryPlans(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many minutes of fake time")
	}
	for s := *seed; s < *seed+uint64(*plans); s++ {
		t.Run(fmt.Sprint("seed ", s), func(t *testing.T) {
			t.Parallel()
			deliveryRun(t, s).delivered(t, "again: go test ./internal/sim/oracle -run TestDeliveryPlans -args -plans 1 -seed ", s)
		})
	}
}

func deliveryRun(t *testing.T, seed uint64) *Outcome {
	const faults = 8 * time.Minute
	r := rand.New(rand.NewPCG(seed, 1))
	run := Run{Offer: faults + 6*time.Minute, Patient: 3 * time.Hour, Dir: t.TempDir(), Core: replay, Outputs: randomOutputs(r, seed, faults)}
	o := decasim.RandomOptions{Duration: faults, Spacing: 2 * time.Minute, Backfill: true, Connections: 1}
	for range r.IntN(3) {
		run.Lives = append(run.Lives, Life{For: 20*time.Second + time.Duration(r.Int64N(int64(4*time.Minute))), Kill: r.IntN(3) > 0,
			Down: time.Duration(r.Int64N(int64(90 * time.Second)))})
	}
	for _, l := range run.Lives {
		run.Offer += l.For + l.Down
	}
	run.Server = decasim.ServerConfig{Seed: seed, Faults: decasim.RandomPlan(seed, o), Level: -2, ReplayDelay: 5 * time.Minute, ReplaySpeed: 60,
		Source: world.New(world.Config{Seed: seed, Rate: 15})}
	return play(t, run)
}

func randomOutputs(r *rand.Rand, seed uint64, within time.Duration) *Outputs {
	o := &Outputs{Seed: seed, Memory: 60 + r.IntN(1000), Spool: []int64{1 << 20, 4 << 20, 64 << 20}[r.IntN(3)]}
	for at := time.Duration(0); at < within; {
		at += time.Duration(r.Int64N(int64(2 * time.Minute)))
		s := Spell{From: at, For: time.Duration(r.Int64N(int64(2 * time.Minute))), Mood: []Mood{Failing, Hanging, Slow}[r.IntN(3)]}
		o.Spells = append(o.Spells, s)
		at += s.For
	}
	if r.IntN(3) == 0 {
		o.Poison = 50 + r.Uint64N(200)
	}
	return o
}
