//go:build unix

package e2e

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// Cuts of every kind, of one connection and of both of a partition: each Tweet lands once, as it was.
func TestCutsLoseAndDoubleNothing(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 1})
	a := s.run("a", s.stream(`backfill = "auto"`))
	s.pass(2 * pace)
	for i, mode := range []decasim.Mode{decasim.ModeEOF, decasim.ModeRST, decasim.ModeHalf, decasim.ModeClose} {
		partition := 1 + i%2
		require.NoError(t, s.sim.Cut(partition, -1, mode))
		if i >= 2 {
			_ = s.sim.Cut(partition, -1, mode) // the other one too, if it has come back already
		}
		s.pass((4 + 2*i) * pace)
	}
	s.settle(a)
	a.stop()
	landed := a.landed()
	s.requireExact(s.sim.OfferedIDs(), landed)
	for _, m := range landed {
		s.requireTrue(m)
	}
	require.EqualValues(t, len(landed), a.last("decahose_stream").Int("emitted"))
	s.requireBooks(a)
}

// requireBooks: received = unique + duplicate in the last point of every minute.
func (s *stage) requireBooks(a *agent) {
	s.Helper()
	all, err := env.ReadMetrics(a.counters)
	require.NoError(s, err)
	last := map[string]env.Metric{}
	for _, m := range all {
		if m.Name == "decahose_volume" {
			last[m.Tags["partition"]+m.Time.String()] = m
		}
	}
	require.NotEmpty(s, last)
	for _, m := range last {
		require.Equal(s, m.Int("received"), m.Int("unique")+m.Int("duplicate"), m)
		require.LessOrEqual(s, m.Int("emitted"), m.Int("unique"), m)
	}
}

// The agent is stopped while Tweets pour in: all that the plugin says it emitted has landed, and
// so has all that was sent a while before.
func TestStopInMidStreamLosesNoLine(t *testing.T) {
	src := world.New(world.Config{Seed: 2, Rate: 400})
	s := newStage(t, decasim.ServerConfig{Source: src})
	a := s.run("a", s.stream())
	ok := env.Until(s.within(20*time.Second), func() bool { return len(s.sim.SentIDs()) > 500 })
	require.True(t, ok)
	before := s.sim.SentIDs()
	s.pass(len(s.sim.OfferedIDs()) + 800)
	a.stop()
	landed := a.landed()
	require.EqualValues(t, len(landed), a.last("decahose_stream").Int("emitted"), "lines were lost at the stop")
	s.requireExact(before, landed)
}

// The source goes first: the plugin keeps trying, and the agent stops as fast as ever.
func TestStopAfterTheSourceIsGone(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{})
	a := s.run("a", s.stream())
	s.pass(2 * pace)
	s.settle(a)
	require.NoError(t, s.sim.Close())
	require.NoError(t, a.Log.Wait(s.within(10*time.Second), "W! [inputs.execd]"))
	a.stop()
	s.requireExact(s.sim.OfferedIDs(), a.landed())
}

// Nobody reads stdout for a while: nothing is lost, for the plugin waits.
func TestReaderStandsStill(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 3})
	a := s.run("a", s.stream())
	s.pass(2 * pace)
	kill(t, a.PID(), syscall.SIGSTOP)
	s.pass(6 * pace)
	kill(t, a.PID(), syscall.SIGCONT)
	s.pass(8 * pace)
	s.settle(a)
	a.stop()
	s.requireExact(s.sim.OfferedIDs(), a.landed())
}

// The plugin dies without a word: execd starts it again and it goes on. What lands twice is the same point.
func TestKilledPluginGoesOn(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 4, AllowedConnections: 8})
	a := s.run("a", s.stream())
	s.pass(2 * pace)
	first := a.plugin()
	kill(t, first, syscall.SIGKILL)
	require.True(t, env.Until(s.within(15*time.Second), func() bool {
		pid := a.Child("telegraf-decahose")
		return pid > 0 && pid != first
	}), "the plugin was not started again")
	from := len(a.ids())
	require.True(t, env.Until(s.within(15*time.Second), func() bool { return len(a.ids()) > from+2*pace }), "no more Tweets")
	s.settle()
	a.stop()
	points := map[int64]string{}
	for _, m := range a.landed() {
		s.requireTrue(m)
		if p, seen := points[m.ID()]; seen {
			require.Equal(t, p, point(m))
		}
		points[m.ID()] = point(m)
	}
}

// SIGHUP makes Telegraf stop and start everything: nothing may be left of the old plugin.
func TestReload(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 5, AllowedConnections: 8})
	a := s.run("a", s.stream())
	s.pass(2 * pace)
	first := a.plugin()
	require.NoError(t, a.Signal(syscall.SIGHUP))
	require.True(t, env.Until(s.within(15*time.Second), func() bool {
		pid := a.Child("telegraf-decahose")
		return pid > 0 && pid != first
	}), "the plugin was not started again")
	require.True(t, env.Until(s.within(5*time.Second), func() bool { return len(a.Members()) == 2 }), "%v", a.Members())
	from := len(a.ids())
	require.True(t, env.Until(s.within(15*time.Second), func() bool { return len(a.ids()) > from+2*pace }), "no more Tweets")
	require.Zero(t, a.Log.Count("E!"), "a reload is no error")
	s.settle()
	a.stop()
	for _, m := range a.landed() {
		s.requireTrue(m)
	}
}

// Wrong credentials: one clear line at Telegraf's error level, and no loop.
func TestRefused(t *testing.T) {
	refused := make(chan int, 1000)
	s := newStage(t, decasim.ServerConfig{Refused: func(status int, _ string) { refused <- status }})
	a := s.run("a", s.stream(), login("wrong-Pa55")...)
	require.NoError(t, a.Log.Wait(s.within(15*time.Second), "E! [inputs.execd]", "401"))
	env.Until(s.within(5*time.Second), func() bool { return false })
	require.LessOrEqual(t, len(refused), 4, "at most one attempt per connection in the first seconds")
	require.Equal(t, 401, <-refused)
	require.Positive(t, a.plugin(), "the plugin must stay alive: a restart does not help")
	require.Zero(t, a.Log.Count("wrong-Pa55"), "a credential in the log")
	require.LessOrEqual(t, a.Log.Count("E!"), 4)
	a.stop()
}

// What the plugin says has its own level in Telegraf's log, and nothing comes as "stderr".
func TestLogLevels(t *testing.T) {
	if !env.TelegrafHas(env.LevelsSince) {
		t.Skip("this Telegraf logs each line of the plugin as an error")
	}
	s := newStage(t, decasim.ServerConfig{Seed: 6})
	a := s.run("a", s.stream(`recovery = "replay"`, `recovery_delay = "1h"`))
	s.pass(2 * pace)
	require.NoError(t, s.sim.Cut(1, -1, decasim.ModeRST))
	require.NoError(t, a.Log.Wait(s.within(10*time.Second), "I! [inputs.execd]"))
	require.NoError(t, a.Log.Wait(s.within(10*time.Second), "W! [inputs.execd]"))
	s.settle(a)
	a.stop()
	require.Zero(t, a.Log.Count("E! [inputs.execd]"))
	require.Zero(t, a.Log.Count("stderr:"))
}

// A mistake in the plugin's configuration is one line that names file, option and value.
func TestMistakeInConfiguration(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{})
	a := s.run("a", s.stream(`connections = 9`))
	require.NoError(t, a.Log.Wait(s.within(10*time.Second), "E! [inputs.execd]", "plugin.conf", "connections", "9"))
	a.stop()
	require.Empty(t, s.sim.OfferedIDs(), "a process with a wrong configuration must not connect")
	require.Empty(t, a.landed())
}

func TestPluginWithoutTelegraf(t *testing.T) {
	t.Parallel()
	ctx, cancel := stopContext(t)
	defer cancel()
	p, err := env.Start([]string{built.plugin, "-config", os.DevNull}, nil, nil)
	require.NoError(t, err)
	defer p.Kill()
	select {
	case <-p.Done():
	case <-ctx.Done():
	}
	require.Equal(t, 2, p.ExitCode(), p.Log.Text())
	require.Equal(t, 1, p.Log.Count("E! "), p.Log.Text())
}
