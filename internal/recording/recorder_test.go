package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func config() core.Config {
	return core.Config{StreamLabel: "prod", Partitions: []int{1, 2}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, DedupWindow: time.Hour}
}

// said is what a recorder told the operator.
type said struct{ lines []string }

func (s *said) say(level byte, text string) { s.lines = append(s.lines, string(level)+" "+text) }

func begin(t testing.TB, dir string, limit int64, s *said) *Recorder {
	t.Helper()
	r, err := New(Config{Directory: dir, Limit: limit, Program: "1.0", Say: s.say})
	require.NoError(t, err)
	r.Begins(config())
	return r
}

func finish(t testing.TB, r *Recorder) []string {
	t.Helper()
	r.Close()
	r.Run()
	require.NoError(t, r.Release())
	paths, err := filepath.Glob(filepath.Join(r.cfg.Directory, "*"+Suffix))
	require.NoError(t, err)
	return paths
}

// batch is one of n new Tweets, as the core gets it and gives them out.
func batch(at time.Time, n int) (*wire.Batch, []tweet.Tweet) {
	b, tweets := wire.NewBatch(), []tweet.Tweet{}
	for k := range n {
		id := snowflake.First(at.UnixMilli()) + snowflake.ID(k)<<12
		b.Add(id, fmt.Appendf(nil, `{"id":%d,"text":"x%s"}`, id, strings.Repeat("y", 300)))
		tweets = append(tweets, tweet.Tweet{ID: id})
	}
	return b, tweets
}

// step records one batch a second.
func step(r *Recorder, second int) {
	now := noon.Add(time.Duration(second) * time.Second)
	b, tweets := batch(now, 300)
	r.Stepped(now, core.Event{Kind: core.Received, Batch: b, Wall: now.UnixNano()}, &core.Ready{Tweets: tweets})
}

// All files together stay within the limit at any time, the oldest go, also those of earlier processes; other files stay. Each file
// can be read by itself, and only the first is exact.
func TestRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "recordings")
		require.NoError(t, os.MkdirAll(dir, 0o700))
		for _, name := range []string{"20250101T000000.000Z-000001.recording", "20250101T000000.000Z-000002.recording", "notes.txt", "x.recording"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), make([]byte, 300<<10), 0o600))
		}
		s := &said{}
		r := begin(t, dir, MinLimit, s)
		var wg sync.WaitGroup
		wg.Go(r.Run)
		for second := range 1500 {
			step(r, second)
			synctest.Wait()
			require.LessOrEqual(t, ours(t, dir), int64(MinLimit))
		}
		r.Close()
		wg.Wait()
		require.NoError(t, r.Release())
		require.Empty(t, s.lines)
		require.Zero(t, r.Status().Unrecorded)
		require.EqualValues(t, 1500, r.Status().Events)
		require.Equal(t, ours(t, dir), r.Status().Bytes)
		paths, err := filepath.Glob(filepath.Join(dir, "2*"+Suffix))
		require.NoError(t, err)
		require.Greater(t, len(paths), 4)
		require.FileExists(t, filepath.Join(dir, "notes.txt"))
		require.FileExists(t, filepath.Join(dir, "x.recording"))
		number := 0
		for _, path := range paths {
			begin, _ := requireWhole(t, path)
			require.False(t, begin.Exact)
			require.Greater(t, begin.File, number)
			number = begin.File
		}
	})
}

func ours(t *testing.T, dir string) (sum int64) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "2*"+Suffix))
	require.NoError(t, err)
	for _, path := range paths {
		info, err := os.Stat(path)
		require.NoError(t, err)
		sum += info.Size()
	}
	return sum
}

// requireWhole reads a file to its end.
func requireWhole(t *testing.T, path string) (*Begin, int) {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, fileMode, info.Mode())
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	f, err := NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	n := 0
	for ; err == nil; n++ {
		_, err = f.Next()
	}
	require.Equal(t, io.EOF, err)
	require.False(t, f.Cut())
	return f.Begin(), n - 1
}

// A disk that takes less than comes ends the recording, not the stream: it is told once, and what is missing is counted.
func TestSlowDisk(t *testing.T) {
	s := &said{}
	r := begin(t, filepath.Join(t.TempDir(), "recordings"), 1<<30, s)
	for second := range 1500 { // nobody writes
		step(r, second)
	}
	require.Equal(t, []string{"W debug: events are not recorded any more: the disk takes less than comes; the stream goes on"}, s.lines)
	require.LessOrEqual(t, r.waiting.Load(), int64(maxWaiting+2*maxBlock))
	finish(t, r)
	require.Len(t, s.lines, 1)
	require.EqualValues(t, 1500, r.Status().Unrecorded)
	require.Equal(t, "the disk takes less than comes", r.Status().Stopped)
}

// A disk that fails does the same, and what it took stays.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &said{}
		r := begin(t, filepath.Join(t.TempDir(), "recordings"), 1<<30, s)
		var wg sync.WaitGroup
		wg.Go(r.Run)
		step(r, 0)
		step(r, 1)
		synctest.Wait()
		require.NoError(t, r.ring.out.Close()) // as a disk that takes nothing
		step(r, 2)
		synctest.Wait()
		step(r, 3)
		step(r, 4)
		r.Close()
		wg.Wait()
		require.NoError(t, r.Release())
		require.Len(t, s.lines, 1)
		require.Contains(t, s.lines[0], "W debug: events are not recorded any more: write recording")
		require.EqualValues(t, 2, r.Status().Events)
		require.EqualValues(t, 3, r.Status().Unrecorded)
	})
}

// The directory is one that only its owner uses, and no link; two streams do not share one.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	open, link, file := filepath.Join(dir, "open"), filepath.Join(dir, "link"), filepath.Join(dir, "file")
	require.NoError(t, os.Mkdir(open, 0o755))
	require.NoError(t, os.Symlink(t.TempDir(), link))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for path, says := range map[string]string{open: "others may use it: its mode is 0755, must be 0700", link: "it is a link", file: "not a directory"} {
		_, err := New(Config{Directory: path, Limit: MinLimit})
		require.ErrorContains(t, err, says)
	}
	mine := filepath.Join(dir, "mine")
	s := &said{}
	r := begin(t, mine, MinLimit, s)
	info, err := os.Stat(mine)
	require.NoError(t, err)
	require.Equal(t, dirMode, info.Mode().Perm())
	_, err = New(Config{Directory: mine, Limit: MinLimit})
	require.ErrorContains(t, err, "in use by another process")
	target := filepath.Join(dir, "target")
	require.NoError(t, os.WriteFile(target, []byte("mine"), 0o600))
	require.NoError(t, os.Symlink(target, filepath.Join(mine, nameOf(r.ring.began, 1))))
	step(r, 0)
	finish(t, r)
	require.Contains(t, r.Status().Stopped, "begin recording")
	body, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "mine", string(body))
}

// A file in the middle begins with the gaps that are open, the requests that count, and the connections.
func TestStanding(t *testing.T) {
	c := config()
	c.Past = &ledger.Past{Known: true, Gaps: []ledger.GapRecord{{Partition: 1, Span: timeline.Span{From: 60_000, To: 11500}, Cause: "reset"}}}
	s := newStanding(c)
	wall := noon.UnixNano()
	step := func(ev core.Event, out core.Ready) { s.stepped(&ev, &out) }
	step(core.Event{Kind: core.Tick}, core.Ready{Connect: []core.Connect{{Conn: 0}, {Conn: 1}}})
	step(core.Event{Kind: core.Opened, Conn: 1}, core.Ready{Commit: &ledger.Commit{Moment: ledger.Moment{Wall: wall},
		Requests: []ledger.RequestRecord{{ID: 1, Ended: wall - 2*time.Hour.Nanoseconds()}, {ID: 2, Method: "replay"}},
		Gaps:     []ledger.GapRecord{{Partition: 2, Span: timeline.Span{From: 180_000, To: 200_000}, Cause: "Not A Class"}}}})
	b := s.begin(c, noon, wall)
	require.Equal(t, []Line{{0, false}, {1, true}}, b.Lines)
	require.Len(t, b.Config.Past.Gaps, 2)
	require.Equal(t, "other", b.Config.Past.Gaps[1].Cause)
	require.Len(t, b.Config.Past.Requests, 1)
	step(core.Event{Kind: core.Ended, Conn: 1}, core.Ready{Commit: &ledger.Commit{Gaps: []ledger.GapRecord{
		{Partition: 1, Span: timeline.Span{From: 60_000, To: 11500}, State: ledger.GapRecovered}, {Partition: 2, Span: timeline.Span{From: 180_000, To: 200_000}, State: ledger.GapLost}}}})
	b = s.begin(c, noon, wall)
	require.Equal(t, []Line{{0, false}}, b.Lines)
	require.Nil(t, b.Config.Past)
}

// whole is a recording of some steps.
func whole(t testing.TB) []byte {
	s := &said{}
	r := begin(t, filepath.Join(t.TempDir(), "recordings"), 1<<30, s)
	for second := range 3 {
		step(r, second)
	}
	paths := finish(t, r)
	require.Len(t, paths, 1)
	body, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	return body
}

// A file that was cut anywhere is read up to there; one whose bytes were changed is damaged.
func TestCutAndDamaged(t *testing.T) {
	body := whole(t)
	steps := func(body []byte) (n int, cut bool, err error) {
		f, err := NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, false, err
		}
		for {
			if _, err = f.Next(); err != nil {
				return n, f.Cut(), err
			}
			n++
		}
	}
	n, cut, err := steps(body)
	require.Equal(t, 3, n)
	require.False(t, cut)
	require.Equal(t, io.EOF, err)
	n, cut, err = steps(body[:len(body)-1])
	require.Equal(t, 2, n)
	require.True(t, cut)
	require.Equal(t, io.EOF, err)
	for at := 0; at < len(body); at += 7 {
		changed := bytes.Clone(body)
		changed[at] ^= 0x40
		n, cut, err := steps(changed)
		require.Less(t, n, 3)
		require.True(t, cut || errors.Is(err, errDamaged) || errors.Is(err, errNone), "byte %d: %v", at, err)
	}
}

// FuzzReader reads anything, in bounded memory.
func FuzzReader(f *testing.F) {
	body := whole(f)
	f.Add(body)
	f.Add([]byte(magic))
	f.Add(body[:len(body)/2])
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := NewReader(bytes.NewReader(body))
		for err == nil {
			_, err = r.Next()
		}
	})
}

// FuzzSteps reads steps whose checksums hold, whatever they are.
func FuzzSteps(f *testing.F) {
	e := newEncoder()
	e.begin(noon, noon.UnixNano())
	b, tweets := batch(noon, 5)
	b.Frames = append(b.Frames, wire.Frame{Kind: wire.Notice, Data: []byte(`{"info":{"message":"x","minutes_failed":["2026-01-01T12:01:00+00:00"]}}`)})
	f.Add(e.step(nil, noon, &core.Event{Kind: core.Received, Batch: b}, &core.Ready{Tweets: tweets}))
	for kind := core.Tick; kind <= core.Final; kind++ {
		if kind != core.Received {
			f.Add(e.step(nil, noon, &core.Event{Kind: kind, Orders: make([]ledger.Order, 1), IDs: []snowflake.ID{1, 2}, Sent: make([]ledger.Sent, 2)}, &core.Ready{}))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		d := decoder{conns: 3, now: noon}
		s, err := d.step(content)
		if err != nil {
			return
		}
		require.LessOrEqual(t, s.Event.Kind, core.Final)
		require.Less(t, s.Event.Conn, 3)
		if b := s.Event.Batch; b != nil {
			require.LessOrEqual(t, len(b.Frames), len(content))
			require.LessOrEqual(t, len(d.slab), maxBatch+maxSize)
		}
	})
}

// BenchmarkStepped is the cost of a record, by how it is known what it is: new ones are told by the core, copies by their ids, and
// others are parsed.
func BenchmarkStepped(b *testing.B) {
	for _, kind := range []string{"new", "copy", "unknown"} {
		b.Run(kind, func(b *testing.B) {
			r := begin(b, filepath.Join(b.TempDir(), "recordings"), 1<<30, &said{})
			var wg sync.WaitGroup
			wg.Go(r.Run)
			batch, tweets := batch(noon, 20)
			out := core.Ready{Tweets: tweets}
			now := noon
			ev := core.Event{Kind: core.Received, Batch: batch, Wall: now.UnixNano()}
			r.Stepped(now, ev, &out)
			if kind != "new" {
				out.Tweets = nil
			}
			if kind == "unknown" {
				r.enc.known = knownIDs{}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += len(batch.Frames) {
				now = now.Add(time.Millisecond)
				r.Stepped(now, ev, &out)
			}
			b.StopTimer()
			r.Close()
			wg.Wait()
			b.ReportMetric(float64(r.Status().Bytes)/float64(max(1, r.Status().Events)*20), "bytes/record")
			require.NoError(b, r.Release())
		})
	}
}

// A copy is what its Tweet was, also a damaged one: the core does not read it, and neither does the recorder.
func TestCopyIsNotRead(t *testing.T) {
	e := newEncoder()
	b, tweets := batch(noon, 1)
	f := b.Frames[0]
	require.Equal(t, wholeRecord, e.judge(&f))
	f.Data = f.Data[:20]
	require.Equal(t, brokenRecord, e.judge(&f))
	e.emitted(&tweets[0])
	require.Equal(t, wholeRecord, e.judge(&f))
	f.ID++
	require.Equal(t, brokenRecord, e.judge(&f))
	e.orders(nil, []ledger.Order{{}}) // Tweets may be taken again: a copy is read again
	f.ID--
	require.Equal(t, brokenRecord, e.judge(&f))
}
