//go:build unix

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// state is the state_directory of an agent of that name.
func (s *stage) state(name string) string { return filepath.Join(s.dir, name+".state") }

// leavePast makes the agent's plugin believe that it was stopped that long ago.
func (s *stage) leavePast(name string, ago time.Duration) time.Time {
	s.Helper()
	at := time.Now().Add(-ago)
	require.NoError(s, env.LeavePast(filepath.Join(s.state(name), "demo_sample10_prod"), at))
	return at
}

// since are the Tweets from a time to the first connect, and those offered since; less those that X has no more.
func (s *stage) since(at time.Time) (all []snowflake.ID) {
	s.Helper()
	offered := s.sim.OfferedIDs()
	require.NotEmpty(s, offered)
	for t := range world.Tweets(s.src, at, offered[0].Time()) {
		all = append(all, t.ID)
	}
	return slices.DeleteFunc(append(all, offered...), s.sim.Gone)
}

// all are the points of a counter with all the given tags, oldest first; what is being written is left out.
func (a *agent) all(name string, tags ...string) (found []env.Metric) {
	all, _ := env.ReadMetrics(a.counters)
	for _, m := range all {
		if m.Name == name && hasTags(m, tags) {
			found = append(found, m)
		}
	}
	return found
}

// become waits until a gap of the partition has been reported in that state, and returns all its reports.
func (a *agent) become(partition, state string) (reports []env.Metric) {
	a.s.Helper()
	return a.becomes(partition, state, func(env.Metric) bool { return true })
}

// becomes is become of a gap that is meant: what a backfill fills of an outage is a gap of its own.
func (a *agent) becomes(partition, state string, meant func(env.Metric) bool) (reports []env.Metric) {
	a.s.Helper()
	ok := env.Until(a.s.within(2*time.Minute), func() bool {
		reports = a.all("decahose_gap", "partition", partition)
		return slices.ContainsFunc(reports, func(m env.Metric) bool { return m.Fields["state"] == state && meant(m) })
	})
	require.True(a.s, ok, "no gap of partition %s became %s: %v", partition, state, reports)
	return reports
}

// The agent is stopped and started again a few seconds later: all of it lands, once, and no more was asked of X
// than the minute that was missed.
func TestOrderlyRestart(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 11})
	a := s.run("a", s.stream())
	s.pass(2 * pace)
	require.True(t, env.Until(s.within(20*time.Second), func() bool { return len(a.ids()) > pace }))
	a.stop()
	s.pass(len(s.sim.OfferedIDs()) + 3*pace)
	a = s.run("a", s.stream()) // goes on in the same files
	require.NoError(t, a.Log.Wait(s.within(20*time.Second), "partition 1", "asked for 1 min of backfill"))
	require.NoError(t, a.Log.Wait(s.within(20*time.Second), "partition 2", "asked for 1 min of backfill"))
	s.pass(len(s.sim.OfferedIDs()) + pace)
	s.settle(a)
	a.stop()
	s.requireExact(s.sim.OfferedIDs(), a.landed())
	require.Equal(t, 2, a.Log.Count("of backfill"), "nothing else was to be asked for")
	require.Zero(t, a.Log.Count("W! [inputs.execd] [inputs.decahose] state"))
}

// The plugin dies without a word and execd starts it again: all lands, and what lands twice is the same point.
func TestKilledPluginLosesNothing(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 12, AllowedConnections: 8})
	a := s.run("a", s.stream())
	s.pass(2 * pace)
	a.stop() // a first life is one once its beginning is stored
	a = s.run("a", s.stream())
	for range 2 {
		s.pass(len(s.sim.OfferedIDs()) + 2*pace)
		first := a.plugin()
		kill(t, first, syscall.SIGKILL)
		require.True(t, env.Until(s.within(15*time.Second), func() bool {
			pid := a.Child("telegraf-decahose")
			return pid > 0 && pid != first
		}), "the plugin was not started again")
	}
	s.pass(len(s.sim.OfferedIDs()) + 3*pace)
	s.settle(a)
	a.stop()
	s.requireNoneLost(a.landed())
}

// An outage longer than backfill: the rest is had by Replay or Recovery, once, and all counters tell of it.
func TestOutageBeyondBackfill(t *testing.T) {
	const rate = 20
	for _, method := range []string{"replay", "recovery"} {
		t.Run(method, func(t *testing.T) {
			s := newStage(t, decasim.ServerConfig{Seed: 13, Source: world.New(world.Config{Seed: 13, Rate: rate}),
				ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: 80, RecoveryRate: 400})
			at := s.leavePast("a", 9*time.Minute)
			a := s.run("a", s.stream(`recovery = "`+method+`"`, `recovery_delay = "0s"`,
				fmt.Sprintf("replay_url = %q", s.url), fmt.Sprintf("recovery_url = %q", s.url)))
			for _, partition := range []string{"1", "2"} {
				a.requireRecovered(partition, method, at)
			}
			s.sim.StopOffering()
			wanted := s.since(at)
			env.Until(s.within(2*time.Minute), func() bool { return a.hasAll(wanted) })
			a.stop()
			s.requireExact(wanted, a.landed())
			require.NotEmpty(t, a.all("decahose_recovery", "method", method))
			require.Positive(t, a.last("decahose_stream").Int("minutes_recovered"))
			require.Zero(t, a.last("decahose_stream").Int("minutes_lost"))
			for _, r := range s.sim.Requests() {
				require.Equal(t, method, r.Kind)
				require.Equal(t, 200, r.Status)
			}
		})
	}
}

// requireRecovered: the gap from that time on was open, then asked for, then recovered, and its minutes say so.
func (a *agent) requireRecovered(partition, method string, at time.Time) {
	a.s.Helper()
	first := at.Truncate(time.Minute).UTC()
	var states []string
	meant := func(m env.Metric) bool { return m.Time.Equal(first) }
	for _, m := range a.becomes(partition, "recovered", meant) {
		if meant(m) && (len(states) == 0 || states[len(states)-1] != m.Fields["state"]) {
			states = append(states, m.Fields["state"].(string))
			require.Equal(a.s, "restart", m.Fields["cause"])
		}
		if m.Fields["state"] == "recovered" && meant(m) {
			require.Equal(a.s, method, m.Fields["filled_by"])
		}
	}
	require.Equal(a.s, []string{"open", "requested", "recovered"}, states)
	minute := first.Add(time.Minute)
	for _, of := range []string{partition, "all"} { // a Replay's Tweets are of no known partition
		ok := env.Until(a.s.within(20*time.Second), func() bool {
			m := a.volume(minute, of)
			return m.Fields["state"] == "recovered" && (of != "all" || m.Int("emitted") > 0)
		})
		require.True(a.s, ok, "minute %v of partition %s did not become recovered: %v", minute, of, a.volume(minute, of))
	}
}

// volume is the last report of a minute.
func (a *agent) volume(minute time.Time, partition string) (last env.Metric) {
	for _, m := range a.all("decahose_volume", "partition", partition) {
		if m.Time.Equal(minute) {
			last = m
		}
	}
	return last
}
