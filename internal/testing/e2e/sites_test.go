//go:build unix

package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

var twoSites = flag.Bool("two-sites", false, "run examples/two-sites, which takes two minutes")

// swaps are what is replaced in the files of an example, see its README; each must stand in one of them.
type swaps map[string]string

// example writes a site's files into the stage's directory, and starts its Telegraf.
func (s *stage) example(site string, own swaps) *agent {
	s.Helper()
	root, err := env.Root()
	require.NoError(s, err)
	from, to := filepath.Join(root, "examples", "two-sites", site), filepath.Join(s.dir, site)
	require.NoError(s, os.MkdirAll(filepath.Join(to, "state"), 0o700))
	a := &agent{s: s, tweets: filepath.Join(to, "decahose.lp"), counters: filepath.Join(to, "counters.lp")}
	all := swaps{
		"https://gnip-stream.x.com":                        s.url,
		`account = "example"`:                              `account = "demo"`,
		"/usr/bin/telegraf-decahose":                       built.plugin,
		"/etc/telegraf-decahose/":                          to + "/",
		"STATE_DIRECTORY=/var/lib/telegraf-decahose":       "STATE_DIRECTORY=" + filepath.Join(to, "state"),
		"s3://example-decahose/site-b?region=eu-central-1": filepath.Join(s.dir, "archive"),
		"/var/lib/telegraf/":                               to + "/",
	}
	maps.Copy(all, own)
	files, err := filepath.Glob(filepath.Join(from, "*.conf"))
	require.NoError(s, err)
	used := map[string]bool{}
	for _, path := range files {
		body, err := os.ReadFile(path)
		require.NoError(s, err)
		text := string(body)
		for old, value := range all {
			used[old] = used[old] || strings.Contains(text, old)
			text = strings.ReplaceAll(text, old, value)
		}
		require.NotContains(s, text, "x.com")
		require.NoError(s, os.WriteFile(filepath.Join(to, filepath.Base(path)), []byte(text), 0o600))
	}
	for old := range all {
		require.True(s, used[old], "%q stands in no file of %s", old, from)
	}
	a.Process, err = env.Start([]string{built.telegraf, "--config", filepath.Join(to, "telegraf.conf")}, login("demo"), nil)
	require.NoError(s, err)
	s.Cleanup(a.end)
	return a
}

// leave makes a site's plugin believe that it was stopped that long ago.
func (s *stage) leave(site string, ago time.Duration) time.Time {
	s.Helper()
	at := time.Now().Add(-ago)
	require.NoError(s, env.LeavePast(filepath.Join(s.dir, site, "state", "demo_sample10_prod"), at))
	return at
}

// TestTwoSites runs examples/two-sites: site A comes back after three minutes, is soon stopped again, comes back, and fills
// itself from the archive of site B. X is not asked for Replay, although it could be half a minute later.
func TestTwoSites(t *testing.T) {
	if !*twoSites {
		t.Skip("make two-sites")
	}
	s := newStage(t, decasim.ServerConfig{Seed: 41, AllowedConnections: 8, ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: 80})
	s.leave("site-b", 4*time.Minute)
	b := s.example("site-b", swaps{`segment_interval = "2m"`: `segment_interval = "5s"`})
	require.NoError(t, b.Log.Wait(s.within(20*time.Second), "partition 1", "min of backfill"))
	at := s.leave("site-a", 3*time.Minute)
	start := func() *agent {
		return s.example("site-a", swaps{"https://gnip-stream.gnip.com": s.url, `backfill = "auto"`: `backfill = "none"`,
			`delay = "5m"`: `delay = "25s"`, `recovery_delay = "30m"`: `recovery_delay = "60s"`})
	}
	a := start()
	require.NoError(t, a.Log.Wait(s.within(20*time.Second), "partition 2 connection 1: connected"))
	s.pass(len(s.sim.OfferedIDs()) + 10*pace)
	a.stop()
	s.pass(len(s.sim.OfferedIDs()) + 35*pace) // site B goes on
	a = start()
	filled := env.Until(s.within(110*time.Second), func() bool { return a.settledGaps(at) })
	s.sim.StopOffering()
	wanted := s.since(at)
	env.Until(s.within(20*time.Second), func() bool { return a.hasAll(wanted) })
	a.stop()
	b.stop()
	s.tally(a, wanted)
	require.True(t, filled, "gaps of site A are open")
	for _, g := range a.gaps() {
		require.Equal(t, "archive", g.Fields["filled_by"], "%v", g)
	}
}

// gaps are the gaps of site A that were filled, as its file says: tweets and counters are in one.
func (a *agent) gaps() (filled []env.Metric) {
	all, _ := env.ReadMetrics(a.tweets)
	for _, m := range all {
		if m.Name == "decahose_gap" && m.Fields["state"] == "recovered" {
			filled = append(filled, m)
		}
	}
	return filled
}

// settledGaps reports whether no gap is open in the last word on each, and both outages were filled.
func (a *agent) settledGaps(at time.Time) bool {
	all, _ := env.ReadMetrics(a.tweets)
	open, last := map[string]bool{}, int64(0)
	for _, m := range all {
		if m.Name == "decahose_gap" {
			key := fmt.Sprint(m.Tags["partition"], m.Time)
			open[key] = m.Fields["state"] != "recovered"
			last = max(last, m.Int("end"))
		}
	}
	for _, yes := range open {
		if yes {
			return false
		}
	}
	return last > at.Add(4*time.Minute).UnixNano()
}

// tally counts, and prints what `make two-sites` ends with.
func (s *stage) tally(a *agent, offered []snowflake.ID) {
	all, err := env.ReadMetrics(a.tweets)
	require.NoError(s.T, err)
	stored, doubled := map[int64]bool{}, 0
	for _, m := range all {
		if m.Name != "decahose_tweet" {
			continue
		}
		require.NotContains(s.T, m.Tags, "host")
		if stored[m.ID()] {
			doubled++
		}
		stored[m.ID()] = true
	}
	lost, kept := 0, 0
	for _, id := range offered {
		if stored[int64(id)] {
			kept++
		} else {
			lost++
		}
	}
	asked := 0
	for _, r := range s.sim.Requests() {
		s.Logf("X was asked: %+v", r)
		asked++
	}
	fmt.Printf("offered %d stored %d lost %d doubled %d asked_replay %d\n", len(offered), kept, lost, doubled, asked)
	require.Zero(s.T, lost+doubled+asked)
}
