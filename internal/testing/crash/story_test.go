//go:build linux

package crash

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
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

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

const (
	pace = 60 // Tweets a second
	// ago is how long before the start the plugin was stopped in stories that begin with an outage: longer than
	// backfill.
	ago = 8 * time.Minute
	// patience bounds the wait for a plugin that delivers.
	patience = 45 * time.Second
	// recoverable bounds the wait for the last Tweet: a Replay's minutes must be over, and may have to be asked for twice.
	recoverable = 200 * time.Second
)

// story is one stream, read by a row of agents and plugins that are killed.
type story struct {
	*testing.T
	*rand.Rand
	sim   *decasim.Server
	world *world.World
	past  time.Time // from here to the first connect Tweets must come as well; zero: from there on only
	dir   string
	conf  string // of the plugin
	agent *env.Process
	lives []*life
	kills int
}

// life is one of Telegraf's.
type life struct {
	tweets, counters string // files
	killed           bool   // Telegraf was, or its last plugin when it stopped
	kills            int    // of whomever
	damaged          bool   // the state was, afterwards
}

func (s *story) life() *life { return s.lives[len(s.lives)-1] }

func begin(t *testing.T, seed uint64) *story {
	s := &story{T: t, Rand: rand.New(rand.NewPCG(seed, 0)), dir: t.TempDir()}
	s.world = world.New(world.Config{Seed: seed, Rate: pace, Deleted: -1})
	s.sim = decasim.NewServer(decasim.ServerConfig{Seed: seed, Source: s.world, AllowedConnections: 8, ConnectLimit: -1,
		ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: -1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.sim.Serve(l) }) // ends with Close
	t.Cleanup(func() {
		s.sim.Close()
		wg.Wait()
	})
	backfill := "auto"
	if seed%3 == 2 {
		backfill = "none" // all that a kill takes is had by Replay
	}
	s.conf = fmt.Sprintf("[[inputs.decahose]]\n  account = \"demo\"\n  stream_label = \"prod\"\n  stream_url = %[1]q\n  replay_url = %[1]q\n"+
		"  connect_limit = 1000\n  recovery_delay = \"0s\"\n  recovery_limit = 1000\n  backfill = %[2]q\n", "http://"+l.Addr().String(), backfill)
	require.NoError(t, os.Mkdir(s.stateRoot(), 0o700))
	s.mountDisk()
	if seed%3 == 1 {
		s.past = time.Now().Add(-ago)
		require.NoError(t, env.LeavePast(s.state(), s.past))
	}
	return s
}

func (s *story) file(name string) string { return filepath.Join(s.dir, name) }

func (s *story) stateRoot() string { return s.file("state") }

// state is the stream's own directory.
func (s *story) state() string {
	d := &decahose.Decahose{Account: "demo", Stream: "sample10", StreamLabel: "prod", StateDirectory: s.stateRoot()}
	return d.StateDir()
}

const agentConf = `[agent]
  interval = "1s"
  flush_interval = "300ms"
  metric_batch_size = 1000
  metric_buffer_limit = 500000
  skip_processors_after_aggregators = true
  omit_hostname = true
[[inputs.execd]]
  command = ["PLUGIN", "-config", "CONF", "-poll_interval", "2s"]
  restart_delay = "500ms"
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

// start begins a life of Telegraf. Each writes files of its own: a killed one may leave half a line.
func (s *story) start() {
	name := fmt.Sprintf("%d", len(s.lives))
	l := &life{tweets: s.file(name + ".tweets"), counters: s.file(name + ".counters")}
	s.lives = append(s.lives, l)
	conf := strings.NewReplacer("PLUGIN", built.plugin, "CONF", s.file("plugin.conf"), "TWEETS", l.tweets, "COUNTERS", l.counters).Replace(agentConf)
	require.NoError(s, os.WriteFile(s.file("plugin.conf"), []byte(s.conf), 0o600))
	require.NoError(s, os.WriteFile(s.file("telegraf.conf"), []byte(conf), 0o600))
	agent, err := env.Start([]string{built.telegraf, "--config", s.file("telegraf.conf")}, []string{"DECAHOSE_USERNAME=demo",
		"DECAHOSE_PASSWORD=demo", "STATE_DIRECTORY=" + s.stateRoot(), crashpoint.File + "=" + s.file("crashpoint")}, nil)
	require.NoError(s, err)
	s.agent = agent
	s.Cleanup(func() { s.close(agent) })
}

// close leaves nothing running, and shows the log of a failed story.
func (s *story) close(agent *env.Process) {
	agent.Kill()
	if agent.Log.Count("panic:")+agent.Log.Count("BUG:") > 0 {
		s.Error("the log shows a crash that nobody ordered")
	}
	if s.Failed() {
		lines := agent.Log.Lines()
		s.Logf("log of an agent:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

// within waits until the condition holds.
func (s *story) within(d time.Duration, what string, holds func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), d)
	defer cancel()
	require.True(s, env.Until(ctx, holds), "%s: not within %v", what, d)
}

// pause lets a random part of most pass.
func (s *story) pause(most time.Duration) {
	<-time.After(time.Duration(s.Int64N(int64(most))))
}

const pluginName = "telegraf-decahose"

// plugin is the process id of the running plugin.
func (s *story) plugin() (pid int) {
	s.Helper()
	s.within(patience, "a plugin runs", func() bool { pid = s.agent.Child(pluginName); return pid > 0 })
	return pid
}

// landing is the size of what has landed in this life of Telegraf.
func (s *story) landing() int64 {
	info, err := os.Stat(s.life().tweets)
	if err != nil {
		return 0
	}
	return info.Size()
}

// goOn waits until a plugin other than that process delivers.
func (s *story) goOn(dead int) {
	s.Helper()
	s.within(patience, "another plugin runs", func() bool { pid := s.agent.Child(pluginName); return pid > 0 && pid != dead })
	size := s.landing()
	s.within(patience, "Tweets land", func() bool { return s.landing() > size })
}

// beCalm has Telegraf stopped in order and started again, twice: of what lands in between nothing may come again.
// It is also what makes the beginning of a first life durable, without which the next is a first one too.
func (s *story) beCalm() {
	s.Helper()
	for range 2 {
		s.goOn(0)
		s.pause(3 * time.Second)
		s.stop()
		s.start()
	}
	s.goOn(0)
}

func (s *story) stop() {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	_, err := s.agent.Stop(ctx)
	require.NoError(s, err)
}

// end waits for the Tweets that are missing, has no more made, and stops in order. The stream goes on meanwhile: with
// one that falls silent, a request waits for minutes for what a reconnect may bring.
func (s *story) end() {
	s.Helper()
	s.goOn(0)
	now := time.Now()
	s.landed(func(id snowflake.ID) bool { return id.Time().Before(now) })
	s.sim.StopOffering()
	s.landed(func(snowflake.ID) bool { return true })
	s.stop()
}

// landed waits, for as long as it makes sense, until all Tweets of concern have landed.
func (s *story) landed(concern func(snowflake.ID) bool) {
	for until := time.Now().Add(recoverable); time.Now().Before(until) && slices.ContainsFunc(s.look().lost, concern); {
		<-time.After(2 * time.Second)
	}
}

// stateFiles are those whose bytes a test may damage.
func (s *story) stateFiles() (files []string) {
	err := filepath.WalkDir(s.state(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != "lock" {
			files = append(files, path)
		}
		return err
	})
	require.NoError(s, err)
	return files
}

func (s *story) signal(pid int, sig syscall.Signal) {
	s.Helper()
	require.NoError(s, syscall.Kill(pid, sig))
}
