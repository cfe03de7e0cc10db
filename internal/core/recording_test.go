package core_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/recording/replay"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// told is a story whose processes are recorded, each in a directory of its own.
type told struct {
	t    *testing.T
	dirs []string
	rec  *recording.Recorder // of the process that runs, nil: none does
	wg   sync.WaitGroup

	limit int64 // 0: one that no story reaches
}

func (s *told) begins(c core.Config) {
	s.end()
	dir := filepath.Join(s.t.TempDir(), "recordings")
	rec, err := recording.New(recording.Config{Directory: dir, Limit: cmp.Or(s.limit, 64<<20), Program: "test", Say: func(_ byte, text string) { s.t.Error(text) }})
	require.NoError(s.t, err)
	s.rec, s.dirs = rec, append(s.dirs, dir)
	s.wg.Go(rec.Run)
	rec.Begins(c)
}

func (s *told) stepped(now time.Time, ev core.Event, out *core.Ready) {
	s.rec.Stepped(now, ev, out)
	if ev.Kind == core.Tick {
		synctest.Wait() // for the disk
	}
}

func (s *told) end() {
	if s.rec != nil {
		s.rec.Close()
		s.wg.Wait()
		require.NoError(s.t, s.rec.Release())
		s.rec = nil
	}
}

// recorded are the recordings of a random story, one of each process.
func recorded(t *testing.T, seed uint64) (bodies [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		s := &told{t: t}
		core.TellStory(t, seed, s.begins, s.stepped)
		s.end()
		for _, dir := range s.dirs {
			found, err := filepath.Glob(filepath.Join(dir, "*"+recording.Suffix))
			require.NoError(t, err)
			require.Len(t, found, 1)
			body, err := os.ReadFile(found[0])
			require.NoError(t, err)
			bodies = append(bodies, body)
		}
	})
	return bodies
}

// Whatever happens, with restarts, crashes, requests, archives, orders and trouble: each process's recording is decided again as
// it was, and the script that is made of it passes as it is.
func TestRecordings(t *testing.T) {
	stories, commands := uint64(4), 0 // with one connection or two to each partition, with an archive or without
	if testing.Short() {
		stories = 2
	}
	for seed := range stories {
		for k, body := range recorded(t, seed) {
			name := strconv.FormatUint(seed, 10) + "_" + strconv.Itoa(k)
			t.Run("decided/"+name, func(t *testing.T) { requireDecidedAgain(t, body) })
			t.Run("script/"+name, func(t *testing.T) { commands += requireScript(t, body) })
		}
	}
	require.Greater(t, commands, 10)
}

func requireDecidedAgain(t *testing.T, body []byte) {
	file, err := recording.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	s, err := replay.Play(file, func(*replay.Played) {})
	require.NoError(t, err)
	require.Positive(t, s.Steps)
	require.Zero(t, s.Differ, "from %v on", s.First)
}

// requireScript returns how many connections and requests the script has.
func requireScript(t *testing.T, body []byte) int {
	file, err := recording.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	var script bytes.Buffer
	require.NoError(t, replay.Script(file, &script))
	path := filepath.Join(t.TempDir(), "incident.txt")
	require.NoError(t, os.WriteFile(path, script.Bytes(), 0o600))
	core.PlayScript(t, path)
	return bytes.Count(script.Bytes(), []byte("\nopened ")) + bytes.Count(script.Bytes(), []byte("\nreplay "))
}

// middle records a calm stream until a file begins in the middle, and then a cut in it, whose backfill comes.
func middle(t *testing.T) (body []byte, at time.Time) {
	synctest.Test(t, func(t *testing.T) {
		s := &told{t: t, limit: recording.MinLimit}
		cfg := core.Config{StreamLabel: "prod", Partitions: []int{1, 2}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, ConnectTimeout: 10 * time.Second,
			DedupWindow: time.Hour, SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second, Recovery: refill.Rules{Horizon: time.Hour}}
		s.begins(cfg)
		p := &plain{told: s, core: core.New(cfg), now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), open: map[int]bool{}}
		p.step(core.Event{Kind: core.Tick})
		for len(p.files()) < 2 {
			p.run(1)
		}
		p.run(20)
		at = p.now
		for c := range p.open {
			p.open[c] = p.core.Conns()[c].Partition == 2
			if !p.open[c] {
				p.step(core.Event{Kind: core.Ended, Conn: c, End: core.End{Class: "reset", Opened: true, Status: 200}})
			}
		}
		p.run(100)
		s.end()
		body, _ = os.ReadFile(p.files()[1])
	})
	return body, at
}

func (s *told) files() []string {
	paths, err := filepath.Glob(filepath.Join(s.dirs[0], "*"+recording.Suffix))
	require.NoError(s.t, err)
	return paths
}

// plain is an engine whose connections all come about.
type plain struct {
	*told
	core *core.Core
	out  core.Ready
	now  time.Time
	open map[int]bool
}

func (p *plain) step(ev core.Event) {
	ev.Wall = p.now.UnixNano()
	p.core.Step(p.now, ev, &p.out)
	p.stepped(p.now, ev, &p.out)
	for _, c := range append([]core.Connect(nil), p.out.Connect...) {
		p.step(core.Event{Kind: core.Opened, Conn: c.Conn})
		p.open[c.Conn] = true
		for ago := 60 * c.Backfill; ago > 0; ago-- {
			p.deliver(c.Conn, p.now.Add(-time.Duration(ago)*time.Second))
		}
	}
}

func (p *plain) deliver(conn int, at time.Time) {
	b := &wire.Batch{}
	for k := range 80 {
		id := snowflake.First(at.UnixMilli()-int64(12*k)) | snowflake.ID(p.core.Conns()[conn].Partition)<<12
		b.Frames = append(b.Frames, wire.Frame{Kind: wire.Record, ID: id, Data: fmt.Appendf(nil, `{"id":%d,"text":"x"}`, id)})
	}
	p.step(core.Event{Kind: core.Received, Conn: conn, Batch: b})
}

// run lets all connections deliver for so many seconds.
func (p *plain) run(seconds int) {
	for range seconds {
		for c := range p.core.Conns() {
			if p.open[c] {
				p.deliver(c, p.now)
			}
		}
		p.now = p.now.Add(time.Second)
		p.step(core.Event{Kind: core.Tick})
	}
}

// A file that begins in the middle shows what happened in it, and its script does.
func TestRecordingInTheMiddle(t *testing.T) {
	body, at := middle(t)
	file, err := recording.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	require.False(t, file.Begin().Exact)
	require.Len(t, file.Begin().Lines, 2)
	var said []string
	s, err := replay.Play(file, func(p *replay.Played) {
		if line := p.Line(); line != "" {
			said = append(said, line)
		}
	})
	require.NoError(t, err)
	require.Zero(t, s.Skipped, said)
	all := strings.Join(said, "\n")
	gap := "gap of partition 1 from " + timeline.MinuteOf(at.UnixMilli()).String() + ", 1 minute: "
	require.Contains(t, all, at.Format("2006-01-02T15:04:05.000Z")+" p1.c")
	require.Contains(t, all, " ended (reset): "+gap+"opened (reset)")
	require.Contains(t, all, "connect p1.c0 with 1 minute of backfill")
	require.Contains(t, all, gap+"filled by backfill")
	require.Equal(t, 3, strings.Count(all, "gap of partition"), all)
	require.Positive(t, requireScript(t, body))
}
