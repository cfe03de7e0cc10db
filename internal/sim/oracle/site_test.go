package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// twoSites is a stream that two locations consume. No Tweet is deleted later: an archive has it all the same.
func twoSites(t *testing.T, faults string) Run {
	server := replayServer(t, faults)
	server.AllowedConnections, server.ConnectLimit = 8, -1
	dir := t.TempDir()
	return Run{Server: server, Core: lateReplay, Dir: filepath.Join(dir, "a"), Patient: time.Hour, Other: &Site{Dir: dir}}
}

// lateReplay asks X a quarter of an hour after a minute: an archive comes first by far.
func lateReplay(c *core.Config) {
	replay(c)
	c.Recovery.Delay = 15 * time.Minute
}

func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: many minutes of fake time")
	}
	t.Parallel()
}

// shortly has only some of the cases played with -short, which the race detector is run with; they run side by side.
func shortly(t *testing.T, some bool) {
	t.Helper()
	if testing.Short() && !some {
		t.Skip("-short: some of the cases")
	}
	t.Parallel()
}

// filledBy are the minutes of gaps that were recovered, by what filled them.
func (o *Outcome) filledBy() map[string]int64 {
	minutes := map[string]int64{}
	for p := range points(o.Lines) {
		if p.name == "decahose_gap" && p.fields["state"] == "recovered" {
			minutes[p.fields["filled_by"].(string)] += p.fields["minutes"].(int64)
		}
	}
	return minutes
}

// TestTheOtherSiteHasIt: the whole site is down for longer than backfill reaches, in order or not; it fills itself from
// what the other one stored, and asks X for nothing.
func TestTheOtherSiteHasIt(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprint("kill ", kill), func(t *testing.T) {
			shortly(t, !kill)
			r := twoSites(t, "")
			r.Lives, r.Offer = []Life{{For: 3 * time.Minute, Kill: kill, Down: 9 * time.Minute}}, 22*time.Minute
			o := play(t, r)
			o.sound(t)
			require.Empty(t, o.Requests, "X was asked\n%s", strings.Join(o.Notes, "\n"))
			require.Positive(t, o.filledBy()["archive"])
			require.Zero(t, o.filledBy()["replay"])
		})
	}
}

// TestTheOtherSiteHasSome: it was down for a part of the time. Replay is asked for that part, and for no more than the
// minutes at its edges beside it.
func TestTheOtherSiteHasSome(t *testing.T) {
	long(t)
	r := twoSites(t, "")
	r.Lives, r.Offer = []Life{{For: 3 * time.Minute, Down: 14 * time.Minute}}, 40*time.Minute
	r.Other.Down = []Outage{{From: 6*time.Minute + 10*time.Second, For: 7 * time.Minute}}
	o := play(t, r)
	o.sound(t)
	require.Positive(t, o.filledBy()["archive"])
	require.Positive(t, o.filledBy()["replay"])
	asked := map[timeline.Minute]bool{}
	for _, q := range o.Requests {
		for m := timeline.MinuteOf(q.From.UnixMilli()); m < timeline.MinuteOf(q.To.UnixMilli()); m++ {
			asked[m] = true
		}
	}
	require.LessOrEqual(t, len(asked), 8, "%v", o.Requests)
}

// TestTheOtherSiteLacksAPartition: what it has looks even, and is half of it. Right after the start nothing is known to
// compare with.
func TestTheOtherSiteLacksAPartition(t *testing.T) {
	long(t)
	r := twoSites(t, "")
	r.Core = replay
	r.Lives, r.Offer = []Life{{For: 30 * time.Second, Down: 8 * time.Minute}}, 18*time.Minute
	r.Other.Lacks = 2
	o := play(t, r)
	o.sound(t)
	require.Positive(t, o.filledBy()["replay"])
	require.Zero(t, o.filledBy()["archive"])
}

// TestDamagedArchive: segments are cut, or their bits turned, while the site is down. What can be read is used, the rest
// comes by Replay.
func TestDamagedArchive(t *testing.T) {
	long(t)
	r := twoSites(t, "")
	r.Offer = 36 * time.Minute
	r.Lives = []Life{{For: 3 * time.Minute, Down: 12 * time.Minute, Then: func() {
		rng := rand.New(rand.NewPCG(3, 3))
		for i, path := range segments(t, r.Other.Archive()) {
			ruin(t, rng, path, i%6) // a third of them
		}
	}}}
	o := play(t, r)
	o.sound(t)
	require.Positive(t, o.filledBy()["archive"])
	require.Positive(t, o.filledBy()["replay"])
}

func segments(t *testing.T, root string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), ".") {
			return filepath.SkipDir
		}
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	}))
	require.NotEmpty(t, paths)
	return paths
}

// ruin cuts a segment, turns bits of it, or does nothing.
func ruin(t *testing.T, rng *rand.Rand, path string, how int) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	switch how {
	case 1:
		b = b[:rng.IntN(len(b))]
	case 2:
		for range 20 {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
	}
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

// TestNoArchive: it cannot be read for some time, or never. The gap is filled all the same.
func TestNoArchive(t *testing.T) {
	for name, c := range map[string]struct {
		failing time.Duration // after noon
		method  refill.Method
		by      string
	}{
		"for long":                  {3 * time.Hour, refill.Replay, "replay"},
		"for some minutes":          {16 * time.Minute, refill.Replay, "archive"},
		"for long, nobody to ask":   {50 * time.Minute, refill.None, "archive"},
		"not at all, nobody to ask": {0, refill.None, "archive"},
	} {
		t.Run(name, func(t *testing.T) {
			long(t)
			r := twoSites(t, "")
			r.Core = func(k *core.Config) {
				lateReplay(k)
				k.Recovery.Method = c.method
			}
			r.Lives, r.Offer, r.Patient = []Life{{For: 3 * time.Minute, Down: 9 * time.Minute}}, 20*time.Minute, 3*time.Hour
			r.Other.Source = func(s engine.Source) engine.Source { return moody{s, noon.Add(c.failing)} }
			o := play(t, r)
			o.sound(t)
			require.Zero(t, o.Open)
			require.Positive(t, o.filledBy()[c.by], "%v\n%s", o.filledBy(), strings.Join(o.Notes, "\n"))
			require.Equal(t, c.by == "replay", len(o.Requests) > 0, "%v", o.Requests)
		})
	}
}

// moody cannot be listed before a time, and hangs every other time.
type moody struct {
	engine.Source
	until time.Time
}

func (m moody) Minutes(ctx context.Context, label string, from, to timeline.Minute) ([]archive.Summary, error) {
	if time.Now().Before(m.until) {
		if time.Now().Second()%2 == 0 {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, errors.New("connection refused")
	}
	return m.Source.Minutes(ctx, label, from, to)
}

// TestOtherSchema: the other site's Tweets carry a tag that ours do not. None of them is emitted, Replay fills the gap.
func TestOtherSchema(t *testing.T) {
	long(t)
	r := twoSites(t, "")
	r.Core = replay
	r.Lives, r.Offer = []Life{{For: 3 * time.Minute, Down: 7 * time.Minute}}, 20*time.Minute
	r.Other.Source = func(s engine.Source) engine.Source { return tagged{s} }
	o := play(t, r)
	o.sound(t)
	require.Positive(t, o.filledBy()["replay"])
	require.Zero(t, o.filledBy()["archive"])
	for _, p := range tweets(o.Lines) {
		require.NotContains(t, p.tags, "host")
	}
	require.Equal(t, 1, strings.Count(strings.Join(o.Notes, "\n"), `tag "host" is not in tweet_tags`), "one line says so")
}

// tagged is an archive of a site whose Telegraf adds its tag host.
type tagged struct{ engine.Source }

func (a tagged) Read(ctx context.Context, label string, m timeline.Minute, tweet func(snowflake.ID, []byte) error) error {
	return a.Source.Read(ctx, label, m, func(id snowflake.ID, line []byte) error {
		return tweet(id, bytes.Replace(line, []byte("decahose_tweet,"), []byte("decahose_tweet,host=b,"), 1))
	})
}

// TestRandomSites plays faults of X that befall both sites, lives of the one and outages of the other, drawn by seed.
func TestRandomSites(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many minutes of fake time")
	}
	for s := *seed; s < *seed+uint64(*plans); s++ {
		t.Run(fmt.Sprint("seed ", s), func(t *testing.T) {
			t.Parallel()
			o := siteRun(t, s)
			if o.Open > 0 || o.Err != nil || len(o.Lost)+len(o.Doubled)+len(o.Wrong) > 0 {
				t.Errorf("seed %d: %v, %v\n%s\nagain: go test ./internal/sim/oracle -run TestRandomSites -args -plans 1 -seed %d", s, o, o.Err, strings.Join(o.Notes, "\n"), s)
			}
		})
	}
}

func siteRun(t *testing.T, seed uint64) *Outcome {
	const faults = 12 * time.Minute
	r := rand.New(rand.NewPCG(seed, 11))
	o := decasim.RandomOptions{Duration: faults, Spacing: 2 * time.Minute, Backfill: true, Long: true, LongFor: 8 * time.Minute, Recovery: true, Connections: 1}
	dir := t.TempDir()
	run := Run{Offer: faults + 8*time.Minute, Patient: 3 * time.Hour, Dir: filepath.Join(dir, "a"), Core: replay, Other: &Site{Dir: dir}}
	for range 1 + r.IntN(2) {
		run.Lives = append(run.Lives, Life{For: time.Minute + time.Duration(r.Int64N(int64(4*time.Minute))), Kill: r.IntN(2) > 0,
			Down: time.Duration(r.Int64N(int64(12 * time.Minute)))})
	}
	for at := time.Duration(0); r.IntN(2) > 0; {
		at += time.Minute + time.Duration(r.Int64N(int64(5*time.Minute)))
		d := Outage{From: at, For: time.Duration(r.Int64N(int64(5 * time.Minute)))}
		run.Other.Down = append(run.Other.Down, d)
		at += d.For
	}
	for _, l := range run.Lives {
		run.Offer += l.For + l.Down
	}
	run.Server = decasim.ServerConfig{Seed: seed, Faults: decasim.RandomPlan(seed, o), Level: level(seed), ReplayDelay: 5 * time.Minute, ReplaySpeed: 60,
		AllowedConnections: 8, ConnectLimit: -1, Source: world.New(world.Config{Seed: seed, Rate: 15})}
	return play(t, run)
}
