package decahose

import (
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/release"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/plugins/debug"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// Debug is the table [inputs.decahose.debug]: what developers see of a running stream. Without listen nothing listens, without
// record_directory no event is recorded.
type Debug struct {
	Listen          string      `toml:"listen"`
	User            string      `toml:"user"`
	RecordDirectory string      `toml:"record_directory"`
	RecordLimit     config.Size `toml:"record_limit"`
}

// recordings is where those of the flight recorder are, below the stream's state.
const recordings = "debug"

func (d *Decahose) checkDebug() error {
	if err := d.checkRecording(); err != nil {
		return err
	}
	if d.Debug.Listen == "" {
		return nil
	}
	const allowed = `HOST:PORT of this host only, such as "127.0.0.1:6060"; from another one use ssh -L`
	host, port, err := net.SplitHostPort(d.Debug.Listen)
	if err != nil || port == "" || !loopback.Host(host) {
		return option.Bad("debug.listen", d.Debug.Listen, allowed)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return option.Bad("debug.listen", d.Debug.Listen, allowed)
	}
	return checkUser("debug.user", d.Debug.User)
}

// watch has a board follow the engine of cfg, where somebody may look at it, and a recorder, where one is wanted.
func (d *Decahose) watch(cfg *engine.Config) *board {
	if d.offline() {
		return nil
	}
	d.record(&cfg.Listener)
	if d.Debug.Listen == "" {
		return nil
	}
	b := newBoard(cfg.Core.Partitions, cfg.Core.Connections)
	recorded := cfg.Listener.Stepped
	cfg.Listener.Stepped = func(now time.Time, ev core.Event, out *core.Ready) {
		b.stepped(now, ev, out)
		if recorded != nil {
			recorded(now, ev, out)
		}
	}
	return b
}

// inspect begins to listen for those who look at the board; nil: nobody does. Without the address the stream goes on: no
// Tweet may be missed for it.
func (d *Decahose) inspect(b *board, s *app.Stream) {
	if b == nil {
		return
	}
	r := d.recorder
	server, err := debug.Start(debug.Config{
		Listen:    d.Debug.Listen,
		Users:     trusted(d.Debug.User),
		Directory: filepath.Join(d.StateDir(), recordings),
		Status: func() any {
			status := b.status(d.StreamLabel, s.Engine, s.Delivery, time.Now())
			status.Recording = r.status()
			return status
		},
		Say: d.say,
	})
	if err != nil {
		d.Log.Warnf("Stream %s: nothing can be looked at: option \"debug.listen\" is %q: %v", d.StreamLabel, d.Debug.Listen, err)
		return
	}
	b.gapOpened = server.GapOpened
	d.debug = server
	d.Log.Infof("Stream %s: debug listener on http://%s/", d.StreamLabel, d.Debug.Listen)
}

// closeDebug ends what inspect began. It may be called without it.
func (d *Decahose) closeDebug() {
	if d.debug != nil {
		d.debug.Close()
		d.debug = nil
	}
}

// board is what an engine was seen to do. The engine's goroutine writes it in passing; others read it.
type board struct {
	gapOpened func() // set before the engine runs
	opened    int64  // when the newest gap was, Unix ns; the engine's goroutine owns it

	mu       sync.Mutex // held for some assignments
	begun    time.Time
	at       time.Time // of the last step
	steps    int64
	conns    []connectionStatus
	requests map[int]bool // under way
}

// connectionStatus is one connection of the live stream.
type connectionStatus struct {
	Partition  int       `json:"partition"`
	Connection int       `json:"connection"`
	State      string    `json:"state"` // closed, connecting, open
	Since      time.Time `json:"since,omitzero"`
	Received   time.Time `json:"last_received,omitzero"`
	Batches    int64     `json:"batches"`
	LastEnd    string    `json:"last_end,omitempty"` // its class
}

func newBoard(partitions []int, connections int) *board {
	b := &board{gapOpened: func() {}, begun: time.Now(), requests: map[int]bool{}}
	b.opened = b.begun.UnixNano()
	for k := range connections {
		for _, p := range partitions { // the order of core.Conns
			b.conns = append(b.conns, connectionStatus{Partition: p, Connection: k, State: "closed"})
		}
	}
	return b
}

// stepped is engine.Listener's. It allocates nothing and waits for nothing.
func (b *board) stepped(_ time.Time, ev core.Event, out *core.Ready) {
	b.note(time.Now(), ev, out)
	if out.Commit == nil {
		return
	}
	newest := b.opened
	for i := range out.Commit.Gaps { // one that was cut keeps the time of its opening
		if g := &out.Commit.Gaps[i]; g.State != ledger.GapRecovered {
			newest = max(newest, g.Opened)
		}
	}
	if newest > b.opened {
		b.opened = newest
		b.gapOpened()
	}
}

func (b *board) note(now time.Time, ev core.Event, out *core.Ready) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at, b.steps = now, b.steps+1
	for _, c := range out.Connect {
		b.conns[c.Conn].State, b.conns[c.Conn].Since = "connecting", now
	}
	for _, a := range out.Requests {
		b.requests[a.Conn] = true
	}
	if ev.Conn >= len(b.conns) {
		if ev.Kind == core.Ended {
			delete(b.requests, ev.Conn)
		}
		return
	}
	switch c := &b.conns[ev.Conn]; ev.Kind {
	case core.Opened:
		c.State, c.Since = "open", now
	case core.Received:
		c.Received = now
		c.Batches++
	case core.Ended:
		c.State, c.Since, c.LastEnd = "closed", now, ev.End.Class
	}
}

// debugStatus is the answer to /debug/status. Times are of this host's clock.
type debugStatus struct {
	Version     string             `json:"version"`
	GoVersion   string             `json:"go_version"`
	StreamLabel string             `json:"stream_label"`
	Begun       time.Time          `json:"begun"`
	Now         time.Time          `json:"now"`
	LastStep    time.Time          `json:"last_step,omitzero"` // of the core; it steps at least once in some seconds
	Steps       int64              `json:"steps"`
	Goroutines  int                `json:"goroutines"` // of the process
	Partitions  []partitionStatus  `json:"partitions"`
	Connections []connectionStatus `json:"connections"`
	Requests    int                `json:"requests_under_way"` // to Replay, Recovery and archives
	Queues      queueStatus        `json:"queues"`
	Recording   *recording.Status  `json:"recording,omitempty"` // of events, where they are recorded
}

// partitionStatus is what its connections come to.
type partitionStatus struct {
	Partition int `json:"partition"`
	Open      int `json:"connections_open"`
	Wanted    int `json:"connections_wanted"`
}

// queueStatus is what waits, from the sockets to the outputs.
type queueStatus struct {
	CoreBytes     int       `json:"core_bytes"` // records that wait for the core
	CoreBytesMost int       `json:"core_bytes_most"`
	Delivery      string    `json:"delivery_state"`
	Undelivered   int64     `json:"undelivered"`
	InMemory      int64     `json:"in_memory"`
	Oldest        time.Time `json:"oldest_undelivered,omitzero"`
	Spooled       int64     `json:"spooled"`
	SpoolBytes    int64     `json:"spool_bytes"`
}

func (b *board) status(label string, e *engine.Engine, road *delivery.Delivery, now time.Time) debugStatus {
	b.mu.Lock()
	s := debugStatus{Begun: b.begun, LastStep: b.at, Steps: b.steps, Connections: slices.Clone(b.conns), Requests: len(b.requests)}
	b.mu.Unlock()
	s.Version, s.GoVersion, s.StreamLabel, s.Now, s.Goroutines = release.Version(), runtime.Version(), label, now, runtime.NumGoroutine()
	s.Partitions = byPartition(s.Connections)
	s.Queues.CoreBytes, s.Queues.CoreBytesMost = e.Waiting()
	d := road.Status()
	s.Queues.Delivery, s.Queues.Undelivered, s.Queues.InMemory = d.State.String(), d.Undelivered, d.InMemory
	s.Queues.Oldest, s.Queues.Spooled, s.Queues.SpoolBytes = d.Oldest, d.Spooled, d.SpoolBytes
	return s
}

func byPartition(conns []connectionStatus) (all []partitionStatus) {
	for _, c := range conns {
		i := slices.IndexFunc(all, func(p partitionStatus) bool { return p.Partition == c.Partition })
		if i < 0 {
			i, all = len(all), append(all, partitionStatus{Partition: c.Partition})
		}
		all[i].Wanted++
		if c.State == "open" {
			all[i].Open++
		}
	}
	return all
}
