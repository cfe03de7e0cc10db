package decahose

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/models"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

const (
	debugUser     = "canary-user"
	debugPassword = "canary-password"
)

// simulated starts an X on loopback.
func simulated(t *testing.T) (sim *decasim.Server, url string) {
	t.Helper()
	sim = decasim.NewServer(decasim.ServerConfig{Source: world.New(world.Config{Seed: 7, Rate: 50}),
		Username: debugUser, Password: debugPassword, ConnectLimit: -1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() { _ = sim.Serve(l) }) // ends with Close
	t.Cleanup(func() {
		sim.Close()
		wg.Wait()
	})
	return sim, "http://" + l.Addr().String()
}

// reading starts an input that reads it, and stops it at the end.
func reading(t *testing.T, url, listen string) *Decahose {
	t.Helper()
	return readingWith(t, url, func(d *Decahose) { d.Debug.Listen = listen })
}

// readingWith is the same with other options.
func readingWith(t *testing.T, url string, set func(*Decahose)) *Decahose {
	t.Helper()
	d := newDecahose()
	d.Account, d.StreamLabel, d.StreamURL, d.ReplayURL, d.StateDirectory = "demo", "prod", url, url, t.TempDir()
	d.Username, d.Password = config.NewSecret([]byte(debugUser)), config.NewSecret([]byte(debugPassword))
	set(d)
	ri := models.NewRunningInput(d, &models.InputConfig{Name: "decahose", LogLevel: "error"})
	d.Log = quiet{}
	require.NoError(t, ri.Init())
	c, in := &collector{}, make(chan telegraf.Metric, 100)
	var wg sync.WaitGroup
	wg.Go(func() { c.run(in) })
	require.NoError(t, ri.Start(agent.NewAccumulator(ri, in)))
	t.Cleanup(func() {
		d.Stop()
		close(in)
		wg.Wait()
	})
	return d
}

func (quiet) Infof(string, ...any) {}
func (quiet) Warnf(string, ...any) {}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func look(t *testing.T, address, path string) string {
	t.Helper()
	resp, err := http.Get("http://" + address + path)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(b))
	return string(b)
}

// Developers see the connections of a running stream, and a recording when a gap opens, and no credential anywhere.
func TestDebugListener(t *testing.T) {
	sim, url := simulated(t)
	address := freeAddress(t)
	d := reading(t, url, address)
	var s debugStatus
	require.Eventually(t, func() bool {
		require.NoError(t, json.Unmarshal([]byte(look(t, address, "/debug/status")), &s))
		return s.Partitions[0].Open == 2 && s.Partitions[1].Open == 2 && s.Connections[3].Batches > 0
	}, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, []partitionStatus{{1, 2, 2}, {2, 2, 2}}, s.Partitions)
	require.Equal(t, "prod", s.StreamLabel)
	require.NotEmpty(t, s.Queues.Delivery)
	require.NoError(t, sim.Close())
	var recorded []string
	require.Eventually(t, func() bool {
		recorded, _ = filepath.Glob(filepath.Join(d.StateDir(), "debug", "gap-*.trace"))
		return len(recorded) == 1
	}, 20*time.Second, 10*time.Millisecond)
	recording, err := os.ReadFile(recorded[0])
	require.NoError(t, err)
	var all strings.Builder
	all.WriteString(string(recording))
	for _, path := range []string{"/", "/debug/status", "/debug/flight", "/debug/pprof/heap?debug=1", "/debug/pprof/goroutine?debug=2"} {
		all.WriteString(look(t, address, path))
	}
	for _, secret := range []string{debugUser, debugPassword, "Y2FuYXJ5LXVzZXI6"} { // the last is Basic's
		require.NotContains(t, all.String(), secret)
	}
	d.Stop()
	_, err = net.Dial("tcp", address)
	require.Error(t, err, "it ends with the plugin")
}

// listeners are this process's sockets that wait for connections.
func listeners(t *testing.T) (n int) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	var own []string
	for _, fd := range fds {
		target, _ := os.Readlink(fd) // the one of the listing is gone
		own = append(own, target)
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		body, err := os.ReadFile(table)
		if err != nil {
			t.Skip("only Linux shows who listens")
		}
		for line := range strings.Lines(string(body)) {
			if c := strings.Fields(line); c[3] == "0A" && slices.Contains(own, "socket:["+c[9]+"]") {
				n++
			}
		}
	}
	return n
}

// Nothing listens by default; where the address is taken the stream is read nevertheless.
func TestNothingListensByDefault(t *testing.T) {
	_, url := simulated(t)
	before := listeners(t)
	require.NotZero(t, before, "the simulator listens")
	d := reading(t, url, "")
	require.Nil(t, d.debug)
	require.Equal(t, before, listeners(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	require.Nil(t, reading(t, url, l.Addr().String()).debug)
}

func TestDebugOptions(t *testing.T) {
	for listen, allowed := range map[string]bool{"": true, "127.0.0.1:6060": true, "[::1]:6060": true, "localhost:http": true, "127.0.0.1": false,
		":6060": false, "0.0.0.0:6060": false, "192.0.2.1:6060": false, "127.0.0.1:x": false, "example.org:6060": false} {
		d := valid()
		d.Debug.Listen = listen
		err := d.Init()
		require.Equal(t, allowed, err == nil, listen)
		if err != nil {
			require.ErrorAs(t, err, new(*option.Error))
			require.Contains(t, err.Error(), "debug.listen")
		}
	}
	d := valid()
	d.Debug = Debug{Listen: "127.0.0.1:6060", User: "no such user"}
	require.ErrorContains(t, d.Init(), "debug.user")
}

// The order of the board's connections is that of the core.
func TestBoardNamesConnections(t *testing.T) {
	b := newBoard([]int{3, 1, 7}, 2)
	for i, c := range core.New(core.Config{Partitions: []int{3, 1, 7}, Connections: 2}).Conns() {
		require.Equal(t, c, core.Conn{Partition: b.conns[i].Partition, Index: b.conns[i].Connection})
	}
}

// A gap that opens is told once: not when it is asked for, cut or filled.
func TestBoardTellsOfGaps(t *testing.T) {
	b, told := newBoard([]int{1}, 1), 0
	b.gapOpened = func() { told++ }
	step := func(opened int64, state ledger.GapState, span timeline.Span) int {
		b.stepped(time.Now(), core.Event{}, &core.Ready{Commit: &ledger.Commit{Gaps: []ledger.GapRecord{{Opened: opened, State: state, Span: span}}}})
		return told
	}
	now := b.opened
	require.Equal(t, 0, step(now-1, ledger.GapOpen, timeline.Span{From: 0, To: 9}), "of an earlier process")
	require.Equal(t, 1, step(now+1, ledger.GapOpen, timeline.Span{From: 0, To: 9}))
	require.Equal(t, 1, step(now+1, ledger.GapRequested, timeline.Span{From: 0, To: 9}))
	require.Equal(t, 1, step(now+1, ledger.GapOpen, timeline.Span{From: 4, To: 9}), "cut")
	require.Equal(t, 1, step(now+1, ledger.GapRecovered, timeline.Span{From: 0, To: 9}))
	require.Equal(t, 2, step(now+2, ledger.GapOpen, timeline.Span{From: 20, To: 30}))
}

// What the engine tells in passing costs nothing.
func TestBoardAllocatesNothing(t *testing.T) {
	b, out := newBoard([]int{1, 2}, 2), &core.Ready{}
	require.Zero(t, testing.AllocsPerRun(100, func() { b.stepped(time.Time{}, core.Event{Kind: core.Received, Conn: 3}, out) }))
}
