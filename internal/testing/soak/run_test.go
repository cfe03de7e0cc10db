//go:build linux

package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
)

const (
	rate = 200         // Tweets a second, all partitions together
	pace = time.Second // of what happens
	// patience bounds the wait for Tweets to land again after a disaster.
	patience = 60 * time.Second
	// recoverable bounds the wait for the last Tweet: a Replay's minutes must be over, and may have to be asked for twice.
	recoverable = 150 * time.Second
	// stopMost bounds an orderly stop: Telegraf gives a store that hangs its last chance.
	stopMost = 40 * time.Second
)

// run is one stream, and one store.
type run struct {
	*testing.T
	*rand.Rand
	plan
	sim   *decasim.Server
	world *world.World
	dir   string
	url   string // of the simulator
	ear   string // address where Telegraf listens for the plugin, or the plugin for Telegraf
	store store
	disk  bool         // the state has a small disk of its own
	agent *env.Process // the last of all
	all   []*env.Process
}

func begin(t *testing.T, p plan) *run {
	t.Log(p)
	r := &run{T: t, Rand: rand.New(rand.NewPCG(p.seed, 0)), plan: p, dir: t.TempDir(), ear: freeAddress(t)}
	r.world = world.New(world.Config{Seed: p.seed, Rate: rate, Deleted: -1})
	r.sim = decasim.NewServer(decasim.ServerConfig{Seed: p.seed, Source: r.world, AllowedConnections: 8, ConnectLimit: -1,
		ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: -1})
	r.url = "http://" + serve(t, r.sim.Serve, r.sim.Close)
	r.store = newStore(r)
	require.NoError(t, os.Mkdir(r.stateRoot(), 0o700))
	r.mountDisk()
	if p.mode == acknowledged || p.mode == tracked {
		d := &decahose.Decahose{Account: "demo", Stream: "sample10", StreamLabel: "prod", StateDirectory: r.stateRoot()}
		require.NoError(t, env.LeavePast(d.StateDir(), time.Now())) // a first life is one once its beginning is stored
	}
	return r
}

// serve listens on loopback for as long as the test runs, and returns the address.
func serve(t *testing.T, on func(net.Listener) error, end func() error) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() { _ = on(l) }) // ends with end
	t.Cleanup(func() {
		_ = end()
		wg.Wait()
	})
	return l.Addr().String()
}

// freeAddress is one that nobody listens on. Each life of Telegraf has the same.
func freeAddress(t *testing.T) string {
	address, err := env.FreeAddress()
	require.NoError(t, err)
	return address
}

func (r *run) file(name string) string { return filepath.Join(r.dir, name) }
func (r *run) stateRoot() string       { return r.file("state") }

// diskSize is that of the state's file system where it is one of its own.
const diskSize = "size=32m"

// mountDisk gives the state a small disk of its own, if this process may.
func (r *run) mountDisk() {
	if err := syscall.Mount("tmpfs", r.stateRoot(), "tmpfs", 0, diskSize); err != nil {
		r.Logf("no disk to fill, mounting one needs root: %v", err)
		return
	}
	r.disk = true
	r.Cleanup(func() { require.NoError(r, syscall.Unmount(r.stateRoot(), syscall.MNT_DETACH)) })
}

const agentConf = `[agent]
  interval = "1s"
  flush_interval = "500ms"
  metric_batch_size = %d
  metric_buffer_limit = %d
  skip_processors_after_aggregators = true
  omit_hostname = true
[[outputs.file]]
  files = [%q]
  namedrop = ["decahose_tweet"]
  data_format = "influx"
`

const pipeConf = `[[inputs.execd]]
  command = [%q, "-config", %q, "-poll_interval", "1s"]
  restart_delay = "500ms"
  data_format = "influx"
`

const pushConf = `[[inputs.cloud_pubsub_push]]
  service_address = %q
  path = "/decahose"
  token = "a-token"
  read_timeout = "10s"
  write_timeout = %q
  max_undelivered_messages = 64
  data_format = "influx"
`

const feedbackConf = `[[inputs.internal]]
[[outputs.http]]
  alias = "feedback"
  url = "http://%s/"
  flush_interval = "1s"
  namepass = ["internal_write"]
  data_format = "influx"
`

// telegrafConf is that of the next life.
func (r *run) telegrafConf() string {
	conf := fmt.Sprintf(agentConf, r.batch, r.buffer, r.file(fmt.Sprintf("%d.counters", len(r.all)))) + r.store.output(len(r.all))
	switch r.mode {
	case tracked:
		return conf + r.pluginConf()
	case stdout:
		conf += "[[inputs.internal]]\n"
	case closed:
		conf += fmt.Sprintf(feedbackConf, r.ear)
	case acknowledged:
		conf += fmt.Sprintf(pushConf, r.ear, r.answer)
	}
	return conf + fmt.Sprintf(pipeConf, built.plugin, r.file("plugin.conf"))
}

const (
	streamConf = `[[inputs.decahose]]
  account = "demo"
  stream_label = "prod"
  stream_url = %[1]q
  replay_url = %[1]q
  connect_limit = 1000
  recovery_delay = "0s"
  recovery_limit = 1000
  nul = "space"
`
	closedConf = `  emit_rate_limit = 1000
  metric_buffer_limit = %d
  flush_interval = "500ms"
  [inputs.decahose.feedback]
    listen = %q
`
	soundConf = `  max_undelivered = %d
  spool_limit = %q
  metric_batch_size = %d
  flush_interval = "500ms"
`
	acknowledgedConf = `  delivery = "acknowledged"
  [inputs.decahose.push]
    url = "http://%s/decahose"
    token = "a-token"
    batch = %d
    concurrency = %d
    timeout = %q
`
)

// pluginConf is the plugin's.
func (r *run) pluginConf() string {
	conf := fmt.Sprintf(streamConf, r.url)
	switch r.mode {
	case closed:
		conf += fmt.Sprintf(closedConf, r.buffer, r.ear)
	case tracked, acknowledged:
		conf += fmt.Sprintf(soundConf, r.undelivered, r.spool, r.batch)
	}
	if r.mode == acknowledged {
		conf += fmt.Sprintf(acknowledgedConf, r.ear, r.push, r.concurrency, r.answer+3*time.Second)
	}
	return conf
}

// start begins a life of Telegraf.
func (r *run) start() {
	r.Helper()
	require.NoError(r, os.WriteFile(r.file("plugin.conf"), []byte(r.pluginConf()), 0o600))
	require.NoError(r, os.WriteFile(r.file("telegraf.conf"), []byte(r.telegrafConf()), 0o600))
	binary := built.stock
	if r.mode == tracked {
		binary = built.custom
	}
	agent, err := env.Start([]string{binary, "--config", r.file("telegraf.conf")},
		[]string{"DECAHOSE_USERNAME=demo", "DECAHOSE_PASSWORD=demo", "STATE_DIRECTORY=" + r.stateRoot()}, nil)
	require.NoError(r, err)
	r.agent, r.all = agent, append(r.all, agent)
	r.Cleanup(func() { r.close(agent) })
}

// close leaves nothing running, and shows the log of a failed run.
func (r *run) close(agent *env.Process) {
	agent.Kill()
	if agent.Log.Count("panic:")+agent.Log.Count("BUG:") > 0 {
		r.Error("the log shows a crash that nobody ordered")
	}
	if r.Failed() {
		lines := agent.Log.Lines()
		r.Logf("log of an agent:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

// stop ends Telegraf as a service manager does.
func (r *run) stop() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), stopMost)
	defer cancel()
	took, err := r.agent.Stop(ctx)
	require.NoError(r, err)
	r.Logf("stopped in %v", took.Round(time.Millisecond))
}

// within waits until the condition holds. To look may mean to read the whole store.
func (r *run) within(d time.Duration, what string, holds func() bool) {
	r.Helper()
	for end := time.Now().Add(d); !holds(); r.pause(pace / 4) {
		require.True(r, time.Now().Before(end), "%s: not within %v", what, d)
	}
}

func (r *run) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// between draws a time.
func (r *run) between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// goOn waits until more Tweets land.
func (r *run) goOn() {
	r.Helper()
	before := r.landed()
	r.within(patience, "Tweets land", func() bool { return r.landed() > before })
	r.pause(r.between(pace, 3*pace))
}

// landed is how many Tweets the store has.
func (r *run) landed() int {
	points, _ := r.store.read()
	return len(points)
}

// end has no more Tweets made, waits for those that are missing, and stops in order.
func (r *run) end() {
	r.Helper()
	r.sim.StopOffering()
	began := time.Now()
	for time.Since(began) < recoverable && len(r.look().lost) > 0 {
		r.pause(pace)
	}
	r.Logf("all of it after %v more", time.Since(began).Round(time.Second))
	if r.mode == tracked || r.mode == acknowledged {
		r.within(patience, "the plugin knows that all is delivered", func() bool { return r.status().undelivered == 0 })
	}
	r.stop()
}

// status is what the plugin says of its Tweets.
type status struct {
	undelivered int64 // at last
	spooled     int64 // at most
}

func (r *run) status() (s status) {
	r.eachCounter(func(m env.Metric) {
		if m.Name == "decahose_stream" {
			s = status{undelivered: m.Int("undelivered"), spooled: max(s.spooled, m.Int("spooled"))}
		}
	})
	return s
}
