//go:build unix

package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// built are the binaries under test; TestMain sets them before the first test, nobody changes them.
var built struct{ telegraf, plugin string }

// pace is how many Tweets there are a second, unless a test says otherwise: a backfill of one minute is 60
// times as many, for each partition, and has to get through the race detector on a busy machine.
const pace = 60

// stopLimit is the contract: everything has ended within 5 s of being asked. Telegraf itself needs a
// moment before it asks the plugin, and one after, on a busy machine.
const stopLimit = 7 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("end-to-end tests are skipped by -short")
		os.Exit(0)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "decahose-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		built.telegraf, built.plugin, err = env.Binaries(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// stage is one test's own X, and the directory where its agents run.
type stage struct {
	*testing.T
	sim *decasim.Server
	src world.Source
	url string
	dir string
}

// newStage starts a simulator on loopback. Its connect limit is off: tests cut more often than X allows.
func newStage(t *testing.T, cfg decasim.ServerConfig) *stage {
	t.Helper()
	t.Parallel()
	if cfg.Source == nil {
		cfg.Source = world.New(world.Config{Seed: 7, Rate: pace})
	}
	cfg.ConnectLimit = -1
	s := &stage{T: t, sim: decasim.NewServer(cfg), src: cfg.Source, dir: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.url = "http://" + l.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.sim.Serve(l) }) // ends with Close
	t.Cleanup(func() {
		s.sim.Close()
		wg.Wait()
	})
	return s
}

// stream is the plugin's configuration against the stage's simulator; more are further options, as TOML.
func (s *stage) stream(more ...string) string {
	return fmt.Sprintf("[[inputs.decahose]]\n  account = \"demo\"\n  stream_label = \"prod\"\n  stream_url = %q\n"+
		"  connect_limit = 1000\n  %s\n", s.url, strings.Join(more, "\n  "))
}

// login is the simulator's; it travels in the agent's environment, as it would in production.
func login(password string) []string {
	return []string{"DECAHOSE_USERNAME=demo", "DECAHOSE_PASSWORD=" + password}
}

// agent is a running Telegraf.
type agent struct {
	*env.Process
	s                *stage
	tweets, counters string // files
}

// agentConf runs the plugin with a poll each second, and writes Tweets and counters to two files.
const agentConf = `[agent]
  interval = "1s"
  flush_interval = "300ms"
  metric_batch_size = 1000
  metric_buffer_limit = 500000
  skip_processors_after_aggregators = true
  hostname = "NAME"
[[inputs.execd]]
  command = ["PLUGIN", "-config", "CONF", "-poll_interval", "1s"]
  restart_delay = "1s"
  data_format = "influx"
[[outputs.file]]
  files = ["TWEETS"]
  namepass = ["decahose_tweet"]
  data_format = "influx"
[[outputs.file]]
  files = ["COUNTERS"]
  namedrop = ["decahose_tweet"]
  data_format = "influx"
`

// run starts an agent of that name with the plugin's configuration.
func (s *stage) run(name, plugin string, env ...string) *agent {
	s.Helper()
	return s.runWith(name, agentConf, plugin, env...)
}

// runWith starts an agent with a configuration of its own, in which the capital words stand for paths.
func (s *stage) runWith(name, conf, plugin string, environ ...string) *agent {
	s.Helper()
	file := func(what string) string { return filepath.Join(s.dir, name+"."+what) }
	a := &agent{s: s, tweets: file("tweets"), counters: file("counters")}
	conf = strings.NewReplacer("NAME", name, "PLUGIN", built.plugin, "CONF", file("plugin.conf"),
		"TWEETS", a.tweets, "COUNTERS", a.counters).Replace(conf)
	require.NoError(s, os.WriteFile(file("plugin.conf"), []byte(plugin), 0o600))
	require.NoError(s, os.WriteFile(file("telegraf.conf"), []byte(conf), 0o600))
	if environ == nil {
		environ = login("demo")
	}
	environ = append(environ, "STATE_DIRECTORY="+file("state")) // each agent is a host of its own
	var err error
	a.Process, err = env.Start([]string{built.telegraf, "--config", file("telegraf.conf")}, environ, nil)
	require.NoError(s, err)
	s.Cleanup(a.end)
	return a
}

// end leaves nothing running, shows the log of a failed test, and fails one whose log shows a crash.
func (a *agent) end() {
	a.Kill()
	if a.Log.Count("DATA RACE")+a.Log.Count("panic:")+a.Log.Count("BUG:") > 0 {
		a.s.Error("the agent's log shows a crash")
	}
	if a.s.Failed() {
		a.s.Logf("log of the agent:\n%s", tail(a.Log.Lines(), 60))
	}
}

func tail(lines []string, n int) string {
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// stop ends the agent as a service manager does, and requires that it ends in time, with nothing lost
// on the way out and nothing left running.
func (a *agent) stop() {
	a.s.Helper()
	ctx, cancel := stopContext(a.s)
	defer cancel()
	took, err := a.Stop(ctx)
	require.NoError(a.s, err)
	a.s.Logf("the agent stopped in %v", took.Round(time.Millisecond))
}

func stopContext(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), stopLimit)
}

// within is a context that ends after d, for waits.
func (s *stage) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), d)
	s.Cleanup(cancel)
	return ctx
}

// pass waits until the simulator offered n Tweets.
func (s *stage) pass(n int) {
	s.Helper()
	ok := env.Until(s.within(60*time.Second), func() bool { return len(s.sim.OfferedIDs()) >= n })
	require.Truef(s, ok, "the simulator offered %d of %d Tweets: are there connections?", len(s.sim.OfferedIDs()), n)
}

// settle stops the simulator's offering, and waits until the agents wrote all that was offered. On a busy
// machine a backfill takes its time under the race detector, and its last Tweets are the newest.
func (s *stage) settle(agents ...*agent) {
	s.Helper()
	s.sim.StopOffering()
	for _, a := range agents {
		env.Until(s.within(45*time.Second), func() bool { return a.hasAll(s.sim.OfferedIDs()) })
	}
}

// hasAll: more ids than offered may land, by backfill, so their number says nothing.
func (a *agent) hasAll(offered []snowflake.ID) bool {
	ids := a.ids()
	return !slices.ContainsFunc(offered, func(id snowflake.ID) bool { return ids[int64(id)] == 0 })
}

// ids counts what has landed so far, each id once; a Tweet that is being written is not yet there.
func (a *agent) ids() map[int64]int {
	ids := map[int64]int{}
	body, _ := os.ReadFile(a.tweets)
	_ = env.Each(bytes.NewReader(body), func(m env.Metric) { ids[m.ID()]++ })
	return ids
}

// landed reads the file of Tweets; all in it must be readable, and be Tweets.
func (a *agent) landed() []env.Metric {
	a.s.Helper()
	all, err := env.ReadMetrics(a.tweets)
	require.NoError(a.s, err)
	for _, m := range all {
		require.Equal(a.s, "decahose_tweet", m.Name)
	}
	return all
}

// last is the last point of a counter with all the given tags (key, value, …).
func (a *agent) last(name string, tags ...string) env.Metric {
	a.s.Helper()
	all, err := env.ReadMetrics(a.counters)
	require.NoError(a.s, err)
	var found env.Metric
	for _, m := range all {
		if m.Name == name && hasTags(m, tags) {
			found = m
		}
	}
	require.NotEmptyf(a.s, found.Name, "no %s with %v landed", name, tags)
	return found
}

func hasTags(m env.Metric, tags []string) bool {
	for i := 0; i < len(tags); i += 2 {
		if m.Tags[tags[i]] != tags[i+1] {
			return false
		}
	}
	return true
}

// plugin is the process id of the agent's child.
func (a *agent) plugin() int {
	a.s.Helper()
	pid := 0
	env.Until(a.s.within(10*time.Second), func() bool { pid = a.Child("telegraf-decahose"); return pid > 0 })
	require.Positive(a.s, pid, "the plugin is not running")
	return pid
}

func kill(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, sig))
}
