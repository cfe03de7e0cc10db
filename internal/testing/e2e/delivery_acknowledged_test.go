//go:build unix

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// Tweets go by HTTP, counters by stdout; all of it lands, once, and the plugin knows that.
func TestAcknowledgedReachesTheFile(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 41})
	address := freeAddress(t)
	a := s.runWith("a", acknowledgedConf(address, fileOutput), s.stream(acknowledged(address)...))
	s.pass(6 * pace)
	s.settle(a)
	a.drained()
	a.stop()
	landed := a.landed()
	s.requireExact(s.sim.OfferedIDs(), landed)
	require.EqualValues(t, len(landed), a.delivered())
	require.Zero(t, a.Log.Count("E! [inputs.execd]"))
	require.Zero(t, a.Log.Count(pushToken))
}

// The store fails for a while, then Telegraf drops what it refuses, and the same is sent again until it is there. An
// older Telegraf hides a refusal: see TestOutputsThatHideARefusal.
func TestAcknowledgedOutlastsTheStore(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 42})
	address, k := freeAddress(t), s.newSink("a.tweets")
	a := s.runWith("a", acknowledgedConf(address, k.output()), s.stream(acknowledged(address)...))
	s.pass(2 * pace)
	answers := []int{http.StatusServiceUnavailable, http.StatusBadRequest}
	if !env.TelegrafHas(env.RefusalsSince) {
		answers = answers[:1]
	}
	for _, answer := range answers {
		k.answer.Store(int64(answer))
		from := k.asked.Load()
		s.pass(len(s.sim.OfferedIDs()) + 3*pace)
		require.True(t, env.Until(s.within(10*time.Second), func() bool { return k.asked.Load() > from }), "nobody asked")
		k.answer.Store(http.StatusNoContent)
		s.pass(len(s.sim.OfferedIDs()) + pace)
	}
	s.settle(a)
	a.drained()
	a.stop()
	s.requireNoneLost(a.landed())
}

// docs/delivery.md says which outputs report as written what their store refused for good: it counts as delivered, and
// is not in the store.
func TestOutputsThatHideARefusal(t *testing.T) {
	for name, output := range map[string]func(k *sink) string{"influxdb_v2": (*sink).output, "influxdb": (*sink).outputV1} {
		if name == "influxdb_v2" && env.TelegrafHas(env.RefusalsSince) {
			continue // TestAcknowledgedOutlastsTheStore
		}
		t.Run(name, func(t *testing.T) {
			s := newStage(t, decasim.ServerConfig{Seed: 49})
			address, k := freeAddress(t), s.newSink("a.tweets")
			k.answer.Store(http.StatusBadRequest)
			a := s.runWith("a", acknowledgedConf(address, output(k)), s.stream(acknowledged(address)...))
			s.pass(3 * pace)
			s.sim.StopOffering()
			a.drained()
			a.stop()
			require.EqualValues(t, len(s.sim.OfferedIDs()), a.delivered())
			require.Empty(t, a.landed())
			require.Positive(t, a.Log.Count("E! [outputs."+name+"]", "will be dropped: 400"), "the one trace of it")
		})
	}
}

// requireNoneLost: all that was offered landed, and what landed twice is one point.
func (s *stage) requireNoneLost(landed []env.Metric) {
	s.Helper()
	points := map[int64]string{}
	for _, m := range landed {
		if p, seen := points[m.ID()]; seen {
			require.Equal(s, p, point(m))
		}
		points[m.ID()] = point(m)
	}
	var lost []int64
	for _, id := range s.sim.OfferedIDs() {
		if points[int64(id)] == "" {
			lost = append(lost, int64(id))
		}
	}
	s.showLost(lost)
	require.Empty(s, lost, "lost")
}

// Telegraf does not take what the plugin sends, for one reason or another, and there is one clear line. When that is
// put right, all lands that was offered meanwhile.
func TestAcknowledgedIsPutRight(t *testing.T) {
	for name, c := range map[string]struct {
		wrong func(conf string) string
		line  []string
	}{
		"wrong token":        {func(conf string) string { return strings.ReplaceAll(conf, pushToken, "another-Tok3n") }, []string{"401"}},
		"no listener":        {func(conf string) string { return conf[:strings.Index(conf, "[[inputs.cloud_pubsub_push]]")] }, []string{"connection refused"}},
		"nobody at the path": {func(conf string) string { return strings.ReplaceAll(conf, `"/decahose"`, `"/other"`) }, []string{"404"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, decasim.ServerConfig{Seed: 47, AllowedConnections: 8})
			address := freeAddress(t)
			conf, plugin := acknowledgedConf(address, fileOutput), s.stream(acknowledged(address)...)
			a := s.runWith("a", c.wrong(conf), plugin)
			require.NoError(t, a.Log.Wait(s.within(20*time.Second), append(c.line, "[inputs.execd] [inputs.decahose]")...))
			s.pass(len(s.sim.OfferedIDs()) + 3*pace)
			a.stop()
			require.Empty(t, a.landed())
			require.Less(t, a.Log.Count(c.line...), 5, a.Log.Text())
			require.Zero(t, a.Log.Count("Tok3n"))
			a = s.runWith("a", conf, plugin)
			s.pass(len(s.sim.OfferedIDs()) + pace)
			s.settle(a)
			a.drained()
			a.stop()
			s.requireNoneLost(a.landed())
		})
	}
}

// -check proves the round trip while Telegraf runs, and says in one line why there is none.
func TestCheckProvesTheRoundTrip(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 43, AllowedConnections: 8})
	address := freeAddress(t)
	a := s.runWith("a", acknowledgedConf(address, fileOutput), s.stream(acknowledged(address)...))
	s.pass(pace)
	out, err := s.check("a", pushToken)
	require.NoError(t, err, out)
	out, err = s.check("a", "another-Tok3n")
	require.Error(t, err, out)
	require.Contains(t, out, "401")
	require.NotContains(t, out, "Tok3n")
	s.settle(a)
	a.stop()
	out, err = s.check("a", pushToken)
	require.Error(t, err, out)
	require.Contains(t, out, "refused")
}

// The check takes the road of Tweets: an output that lets nothing else pass is asked, and its failure is told.
func TestCheckTakesTheRoadOfTweets(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 48})
	address, k := freeAddress(t), s.newSink("a.tweets")
	s.sim.StopOffering()
	a := s.runWith("a", acknowledgedConf(address, k.output()), s.stream(acknowledged(address)...))
	require.True(t, env.Until(s.within(20*time.Second), func() bool {
		out, err := s.check("a", pushToken)
		return err == nil && strings.Contains(out, "accepted a whole Tweet of the check")
	}), a.Log.Text())
	body, err := os.ReadFile(a.tweets)
	require.NoError(t, err)
	require.Contains(t, string(body), "stream_label=decahose_check id=")
	k.answer.Store(http.StatusServiceUnavailable)
	out, err := s.check("a", pushToken)
	require.Error(t, err, out)
	require.NotContains(t, out, "accepted")
	require.NotContains(t, out, "configuration ok")
	k.answer.Store(http.StatusNoContent)
	a.stop()
}

// check runs -check with the configuration of an agent's plugin, and another token.
func (s *stage) check(agent, token string) (string, error) {
	s.Helper()
	conf, err := os.ReadFile(filepath.Join(s.dir, agent+".plugin.conf"))
	require.NoError(s, err)
	path := filepath.Join(s.dir, "check.conf")
	require.NoError(s, os.WriteFile(path, bytes.ReplaceAll(conf, []byte(pushToken), []byte(token)), 0o600))
	cmd := exec.CommandContext(s.within(20*time.Second), built.plugin, "-config", path, "-check")
	cmd.Env = append(append(os.Environ(), login("demo")...), "STATE_DIRECTORY="+s.state("check"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}
