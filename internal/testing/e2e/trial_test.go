//go:build unix

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// A Telegraf that only tries its configuration writes to no output: nothing is asked of X and nothing booked, and one
// line says so. What the stream had then comes when Telegraf runs in earnest.
func TestTrialBooksNothing(t *testing.T) {
	for name, flags := range map[string][]string{
		"test": {"--test", "--test-wait", "3"}, "wait": {"-test-wait=3"}, "once": {"--once", "--test-wait=3"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, decasim.ServerConfig{Seed: 71})
			s.try(built.telegraf, strings.Replace(agentConf, "restart_delay = \"1s\"", "restart_delay = \"100ms\"", 1), s.stream(), flags...)
		})
	}
}

// The same where the plugin is compiled in.
func TestTrialCompiledInBooksNothing(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 72})
	telegraf, err := env.Custom(t.Context(), os.Stderr)
	require.NoError(t, err)
	s.try(telegraf, strings.Replace(agentConf[strings.Index(agentConf, "[agent]"):strings.Index(agentConf, "[[inputs.execd]]")]+
		s.stream()+agentConf[strings.Index(agentConf, "[[outputs.file]]"):], "NAME", "trial", 1), "", "--test-wait", "3")
}

// try runs a Telegraf with the flags of a trial until it ends by itself.
func (s *stage) try(telegraf, conf, plugin string, flags ...string) {
	s.Helper()
	state := s.state("trial")
	file := func(what string) string { return s.dir + "/trial." + what }
	conf = strings.NewReplacer("NAME", "trial", "PLUGIN", built.plugin, "CONF", file("plugin.conf"), "TWEETS", file("tweets"),
		"COUNTERS", file("counters")).Replace(conf)
	require.NoError(s, os.WriteFile(file("plugin.conf"), []byte(plugin), 0o600))
	require.NoError(s, os.WriteFile(file("telegraf.conf"), []byte(conf), 0o600))
	p, err := env.Start(append([]string{telegraf, "--config", file("telegraf.conf")}, flags...), append(login("demo"), "STATE_DIRECTORY="+state), nil)
	require.NoError(s, err)
	s.Cleanup(p.Kill)
	require.True(s, env.Until(s.within(30*time.Second), func() bool {
		select {
		case <-p.Done():
			return true
		default:
			return false
		}
	}), p.Log.Text())
	require.Equal(s, 1, p.Log.Count("Telegraf runs with -"), p.Log.Text())
	require.Zero(s, p.Log.Count("decahose_tweet,"), p.Log.Text())
	require.Empty(s, s.sim.OfferedIDs(), "X was asked")
	_, err = os.Stat(state + "/demo_sample10_prod")
	require.ErrorIs(s, err, os.ErrNotExist)
}
