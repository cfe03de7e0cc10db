package archive

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// frail is a disk that can lose its power: it notes what is done to it, and makes, of any moment, a directory with what
// was synced then, and with some of what was not.
type frail struct {
	realDisk
	root string
	ops  []op
}

// op is one thing done to the disk. Paths are below the root.
type op struct {
	kind     string // create, write, sync, truncate, rename, remove, mkdir, syncDir
	path, to string
	body     []byte
	size     int64
}

func (f *frail) note(o op, err error) error {
	if err == nil {
		o.path, _ = filepath.Rel(f.root, o.path)
		f.ops = append(f.ops, o)
	}
	return err
}

func (f *frail) mkdir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := f.mkdir(parent); err != nil {
			return err
		}
	}
	if err := f.note(op{kind: "mkdir", path: path}, os.Mkdir(path, dirMode)); err != nil {
		return err
	}
	return f.syncDir(filepath.Dir(path))
}

func (f *frail) create(path string) (file, error) {
	real, err := f.realDisk.create(path)
	return &frailFile{f, path, real}, f.note(op{kind: "create", path: path}, err)
}

func (f *frail) rename(from, to string) error {
	below, _ := filepath.Rel(f.root, to)
	return f.note(op{kind: "rename", path: from, to: below}, f.realDisk.rename(from, to))
}

func (f *frail) remove(path string) error {
	return f.note(op{kind: "remove", path: path}, f.realDisk.remove(path))
}

func (f *frail) syncDir(path string) error {
	return f.note(op{kind: "syncDir", path: path}, f.realDisk.syncDir(path))
}

type frailFile struct {
	disk *frail
	path string
	real file
}

func (f *frailFile) Write(b []byte) (int, error) {
	n, err := f.real.Write(b)
	return n, f.disk.note(op{kind: "write", path: f.path, body: slices.Clone(b)}, err)
}

func (f *frailFile) Sync() error { return f.disk.note(op{kind: "sync", path: f.path}, f.real.Sync()) }

func (f *frailFile) Truncate(n int64) error {
	return f.disk.note(op{kind: "truncate", path: f.path, size: n}, f.real.Truncate(n))
}

func (f *frailFile) Close() error { return f.real.Close() }

// content is a file's, whatever its name: what is there, and how much of it is synced.
type content struct {
	body   []byte
	synced []byte
}

// after replays the first n operations, and then cuts the power: names and bytes that were not synced are there or not,
// as the dice fall.
func (f *frail) after(t *testing.T, n int, rng *rand.Rand, into string) {
	now, durable := make(map[string]*content), make(map[string]*content) // a nil content is a directory
	for _, o := range f.ops[:n] {
		switch o.kind {
		case "mkdir":
			now[o.path] = nil
		case "create":
			now[o.path] = &content{}
		case "write":
			now[o.path].body = append(now[o.path].body, o.body...)
		case "sync":
			now[o.path].synced = slices.Clone(now[o.path].body)
		case "truncate":
			now[o.path].body = now[o.path].body[:o.size]
		case "rename":
			now[o.to] = now[o.path]
			delete(now, o.path)
		case "remove":
			delete(now, o.path)
		case "syncDir":
			syncNames(now, durable, o.path)
		}
	}
	for path := range now { // names that were not synced may be there
		if rng.IntN(2) == 0 {
			durable[path] = now[path]
		}
	}
	for path := range durable { // and those that were removed may be gone
		if _, there := now[path]; !there && rng.IntN(2) == 0 {
			delete(durable, path)
		}
	}
	for path, c := range durable {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(into, path)), dirMode))
		if c == nil {
			require.NoError(t, os.MkdirAll(filepath.Join(into, path), dirMode))
			continue
		}
		require.NoError(t, os.WriteFile(filepath.Join(into, path), c.survives(rng), fileMode))
	}
}

// survives is what was synced, and some of what was written behind it.
func (c *content) survives(rng *rand.Rand) []byte {
	body := slices.Clone(c.synced)
	if more := len(c.body) - len(c.synced); more > 0 {
		body = append(body, c.body[len(c.synced):len(c.synced)+rng.IntN(more+1)]...)
	}
	return body
}

func syncNames(now, durable map[string]*content, dir string) {
	for path := range durable {
		if _, there := now[path]; !there && filepath.Dir(path) == dir {
			delete(durable, path)
		}
	}
	for path, c := range now {
		if filepath.Dir(path) == dir {
			durable[path] = c
		}
	}
}

// TestPowerLoss cuts the power after every operation: what was acknowledged before is there, whole and once.
func TestPowerLoss(t *testing.T) {
	root := t.TempDir()
	d := &frail{root: root}
	dir := filepath.Join(root, "archive")
	o := options(dir)
	o.disk = d
	acknowledged := map[int]int{} // by operations that were done then
	n := 0
	for range 2 { // the second life takes up the first one's journal
		w, err := NewWriter(dir, o, clock)
		require.NoError(t, err)
		for i, now := 0, clock; i < 12; i, now = i+1, now.Add(25*time.Second) {
			b := new(Batch)
			for j := n; j < n+5; j++ {
				_, text := tweetIn(spread(j), j)
				require.NoError(t, b.Add([]byte(text)))
			}
			require.NoError(t, w.Write(b, now))
			n += 5
			acknowledged[len(d.ops)] = n
			require.NoError(t, w.Seal(now))
		}
		require.NoError(t, w.Close())
	}
	rng := rand.New(rand.NewPCG(3, 3))
	sure := 0
	for at := range d.ops {
		sure = max(sure, acknowledged[at])
		t.Run(fmt.Sprint(at, d.ops[max(0, at-1)].kind), func(t *testing.T) { requireSurvived(t, d, at, sure, rng) })
	}
}

func requireSurvived(t *testing.T, d *frail, at, sure int, rng *rand.Rand) {
	dir := filepath.Join(t.TempDir(), "archive")
	d.after(t, at, rng, filepath.Dir(dir))
	w := newWriter(t, dir)
	finish(t, w)
	there := make(map[snowflake.ID]string)
	a := open(t, dir)
	for m := noon; m < noon+3; m++ {
		got, err := held(t, a, m)
		require.NoError(t, err)
		maps.Copy(there, got)
	}
	for i := range sure {
		id, text := tweetIn(spread(i), i)
		require.Equal(t, text, there[id], i)
	}
	for _, note := range w.Notes() {
		require.NotContains(t, note, "lost")
	}
	require.NoError(t, filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		require.False(t, strings.Contains(p, tempDir+"/") && !e.IsDir(), p)
		return err
	}))
}

// broken is a disk whose files fail when they are synced, so often.
type broken struct {
	realDisk
	syncs int
}

type brokenFile struct {
	file
	disk *broken
}

func (b *broken) create(path string) (file, error) {
	f, err := b.realDisk.create(path)
	return &brokenFile{f, b}, err
}

func (f *brokenFile) Sync() error {
	if f.disk.syncs > 0 {
		f.disk.syncs--
		return fmt.Errorf("input/output error")
	}
	return f.file.Sync()
}

// TestFailedSync goes on in another file of the journal: nobody knows what of the old one is on disk.
func TestFailedSync(t *testing.T) {
	dir := t.TempDir()
	d := &broken{}
	o := options(dir)
	o.disk = d
	w, err := NewWriter(dir, o, clock)
	require.NoError(t, err)
	write(t, w, noon, 0, 10)
	d.syncs = 1
	require.ErrorContains(t, w.Write(batchOf(t, noon, 10, 20), clock), "append to the journal: input/output error")
	write(t, w, noon, 10, 20)
	files, err := journalFiles(Spool(dir))
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, files)
	d.syncs = 1
	require.ErrorContains(t, w.SealAll(clock), "write segment: input/output error")
	require.Empty(t, segments(t, dir))
	require.NoError(t, w.Close())
	w = newWriter(t, dir)
	finish(t, w)
	requireHeld(t, open(t, dir), noon, 20)
}

// spread is the minute of the i-th Tweet of all.
func spread(i int) timeline.Minute { return noon + timeline.Minute(i%3) }
