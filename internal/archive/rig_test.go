package archive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// noon is the first minute of most tests.
var noon = timeline.MinuteOf(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).UnixMilli())

// tweetIn is the i-th Tweet of a minute. Its text holds all that is hard to keep.
func tweetIn(m timeline.Minute, i int) (snowflake.ID, string) {
	return labelled("prod", m, i)
}

func labelled(label string, m timeline.Minute, i int) (snowflake.ID, string) {
	rng := rand.New(rand.NewPCG(uint64(m), uint64(i)))
	id := snowflake.First(m.Milli()+int64(i)*37%timeline.MinuteMilli) | snowflake.ID(rng.IntN(976)) | snowflake.ID(i%1024)<<12
	ns, _ := id.Nano()
	text := strings.Repeat(fmt.Sprintf("%x ", rng.Uint64()), 12)
	return id, fmt.Sprintf("decahose_tweet,kind=original,lang=en,stream_label=%s id=%di,text=\"line %d\nof \\\"%s\\\"\r\n\\\\n, ü\",user_followers_count=%di,latitude=%f,possibly_sensitive=false %d\n",
		label, id, i, text, rng.IntN(1e6), rng.Float64(), ns)
}

func options(dir string) WriterOptions {
	return WriterOptions{Spool: Spool(dir), SpoolLimit: 1 << 30, Interval: time.Minute, Level: 1, OpenLimit: 64 << 20}
}

// clock is the writers' time in tests.
var clock = time.Date(2026, 7, 1, 13, 0, 0, 0, time.UTC)

func newWriter(t testing.TB, dir string) *Writer {
	w, err := NewWriter(dir, options(dir), clock)
	require.NoError(t, err)
	return w
}

// batchOf holds the Tweets [from, to) of a minute.
func batchOf(t testing.TB, m timeline.Minute, from, to int) *Batch {
	b := new(Batch)
	for i := from; i < to; i++ {
		_, text := tweetIn(m, i)
		require.NoError(t, b.Add([]byte(text)))
	}
	return b
}

func write(t testing.TB, w *Writer, m timeline.Minute, from, to int) {
	require.NoError(t, w.Write(batchOf(t, m, from, to), clock))
}

// finish is an orderly end.
func finish(t testing.TB, w *Writer) {
	t.Helper()
	require.NoError(t, w.SealAll(clock))
	require.NoError(t, w.Close())
}

func open(t testing.TB, url string) *Archive {
	a, err := Open(url, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

// held reads a minute, and wants each line as it was written.
func held(t testing.TB, a *Archive, m timeline.Minute) (map[snowflake.ID]string, error) {
	got := make(map[snowflake.ID]string)
	err := a.Read(context.Background(), "prod", m, func(id snowflake.ID, line []byte) error {
		require.NotContains(t, got, id)
		got[id] = string(line)
		return nil
	})
	return got, err
}

// requireHeld wants exactly the Tweets [0, n) of a minute, in the index too.
func requireHeld(t testing.TB, a *Archive, m timeline.Minute, n int) {
	t.Helper()
	got, err := held(t, a, m)
	require.NoError(t, err)
	require.Len(t, got, n)
	want := Summary{Minute: m}
	for i := range n {
		id, text := tweetIn(m, i)
		require.Equal(t, text, got[id])
		want.Tweets++
		want.Digest += ledger.Digest(id)
	}
	list, err := a.Minutes(context.Background(), "prod", m, m+1)
	require.NoError(t, err)
	if n == 0 {
		require.Empty(t, list)
		return
	}
	require.Equal(t, []Summary{want}, list)
}

// segments are the files of segments, in order.
func segments(t testing.TB, dir string) (paths []string) {
	require.NoError(t, filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(p, suffix) && !strings.Contains(p, tempDir) {
			paths = append(paths, p)
		}
		return err
	}))
	return paths
}
