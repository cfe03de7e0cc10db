package archive

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// store is a server that speaks S3, with faults.
type store struct {
	*httptest.Server
	s3     http.Handler
	refuse atomic.Int32 // status with which it answers writes; 0: as it should
	hang   atomic.Bool  // writes get no answer
	puts   atomic.Int32 // that were taken
}

func newStore(t testing.TB) *store {
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("tweets"))
	s := &store{s3: gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPut:
	case s.hang.Load():
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return
	case s.refuse.Load() != 0:
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(int(s.refuse.Load()))
		return
	default:
		s.puts.Add(1)
	}
	s.s3.ServeHTTP(w, r)
}

func (s *store) url() string {
	return "s3://tweets/site/a?region=eu&endpoint=" + url.QueryEscape(s.URL)
}

var keys = Options{Keys: func() (Keys, error) { return Keys{Access: "AKID", Secret: "SECRET"}, nil }}

func newBucketWriter(t testing.TB, s *store, spool string, more ...func(*WriterOptions)) *Writer {
	o := options(spool)
	o.Options = keys
	for _, change := range more {
		change(&o)
	}
	w, err := NewWriter(s.url(), o, clock)
	require.NoError(t, err)
	return w
}

func openBucketArchive(t testing.TB, s *store) *Archive {
	a, err := Open(s.url(), keys)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

func TestBucket(t *testing.T) {
	s := newStore(t)
	dir := t.TempDir()
	w := newBucketWriter(t, s, dir)
	write(t, w, noon, 0, 300)
	write(t, w, noon+1, 0, 10)
	require.NoError(t, w.Upload(context.Background()))
	requireHeld(t, openBucketArchive(t, s), noon, 0)
	require.NoError(t, w.SealAll(clock))
	require.Positive(t, w.Stats().Waiting)
	require.NoError(t, w.Upload(context.Background()))
	require.Zero(t, w.Stats().Waiting)
	require.Empty(t, segments(t, dir))
	write(t, w, noon, 250, 400) // late
	require.NoError(t, w.SealAll(clock))
	require.NoError(t, w.Upload(context.Background()))
	a := openBucketArchive(t, s)
	requireHeld(t, a, noon, 400)
	requireHeld(t, a, noon+1, 10)
	list, err := a.Segments(context.Background(), "", 0, 0)
	require.NoError(t, err)
	require.Len(t, list, 3)
	for _, segment := range list {
		require.NoError(t, a.Verify(context.Background(), segment))
	}
	n, err := w.Retain(context.Background(), Retention{Size: list[2].Size}, clock)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	requireHeld(t, a, noon, 0)
	requireHeld(t, a, noon+1, 10)
	_, err = a.idsOf(context.Background(), list[0].found)
	require.ErrorIs(t, err, errGone)
	require.NoError(t, w.Close())
}

// TestBucketDamaged reads an object of one byte, one that is cut, and one that is rubbish.
func TestBucketDamaged(t *testing.T) {
	s := newStore(t)
	w := newBucketWriter(t, s, t.TempDir())
	write(t, w, noon, 0, 30)
	require.NoError(t, w.SealAll(clock))
	require.NoError(t, w.Upload(context.Background()))
	a := openBucketArchive(t, s)
	list, err := a.Segments(context.Background(), "prod", noon, noon+1)
	require.NoError(t, err)
	whole, err := w.dest.read(context.Background(), list[0].Path, -1)
	require.NoError(t, err)
	for _, body := range [][]byte{{0}, whole[:100], make([]byte, len(whole))} {
		require.NoError(t, w.dest.put(context.Background(), list[0].Path, body))
		got, err := held(t, a, noon)
		require.ErrorIs(t, err, ErrDamaged)
		require.Empty(t, got)
		_, err = a.idsOf(context.Background(), list[0].found)
		require.ErrorIs(t, err, ErrDamaged)
	}
	require.NoError(t, w.Close())
}

// TestBucketRefuses: what the bucket does not take stays, across a restart too, until it does.
func TestBucketRefuses(t *testing.T) {
	s := newStore(t)
	dir := t.TempDir()
	w := newBucketWriter(t, s, dir)
	for i, status := range []int{http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		s.refuse.Store(int32(status))
		write(t, w, noon, 10*i, 10*i+10)
		require.NoError(t, w.SealAll(clock))
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		err := w.Upload(ctx)
		cancel()
		require.Error(t, err)
		require.NotContains(t, err.Error(), "SECRET")
	}
	require.Len(t, segments(t, dir), 3)
	waiting := w.Stats().Waiting
	require.Positive(t, waiting)
	require.NoError(t, w.Close())
	w = newBucketWriter(t, s, dir)
	require.Equal(t, waiting, w.Stats().Waiting)
	s.refuse.Store(0)
	require.NoError(t, w.Upload(context.Background()))
	require.Zero(t, w.Stats().Waiting)
	require.Empty(t, segments(t, dir))
	requireHeld(t, openBucketArchive(t, s), noon, 30)
	require.NoError(t, w.Close())
}

// TestBucketHangs fills the spool to its limit; then writes fail, and pass again when the bucket answers.
func TestBucketHangs(t *testing.T) {
	s := newStore(t)
	s.hang.Store(true)
	w := newBucketWriter(t, s, t.TempDir(), func(o *WriterOptions) { o.SpoolLimit = 10_000 })
	n := 0
	var err error
	for ; n < 1000 && err == nil; n += 20 {
		if err = w.Write(batchOf(t, noon, n, n+20), clock); err == nil {
			require.NoError(t, w.SealAll(clock))
		}
	}
	require.ErrorIs(t, err, ErrFull)
	require.Less(t, n, 1000)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.Upload(ctx), context.DeadlineExceeded)
	s.CloseClientConnections()
	s.hang.Store(false)
	require.NoError(t, w.Upload(context.Background()))
	write(t, w, noon, n-20, n)
	require.NoError(t, w.SealAll(clock))
	require.NoError(t, w.Upload(context.Background()))
	requireHeld(t, openBucketArchive(t, s), noon, n)
	require.NoError(t, w.Close())
}

// TestBucketDown: an archive that cannot be reached is an error, and not an empty one.
func TestBucketDown(t *testing.T) {
	s := newStore(t)
	a := openBucketArchive(t, s)
	s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := a.Minutes(ctx, "prod", noon, noon+1)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrDamaged)
	err = a.Read(ctx, "prod", noon, func(snowflake.ID, []byte) error { return nil })
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrDamaged)
}

// TestCheckBucket: a check needs what the plugin needs, and leaves nothing that readers take for a segment.
func TestCheckBucket(t *testing.T) {
	s := newStore(t)
	ctx := context.Background()
	objects := func() []object {
		p, err := openPlace(s.url(), keys, realDisk{})
		require.NoError(t, err)
		all, err := p.list(ctx, "")
		require.NoError(t, err)
		return all
	}
	require.NoError(t, CheckBucket(ctx, s.url(), keys, true))
	require.Empty(t, objects())
	require.NoError(t, CheckBucket(ctx, s.url(), keys, false))
	require.Len(t, objects(), 1)
	all, err := openBucketArchive(t, s).Segments(ctx, "", 0, 0)
	require.NoError(t, err)
	require.Empty(t, all)
	s.refuse.Store(http.StatusForbidden)
	err = CheckBucket(ctx, s.url(), keys, true)
	require.ErrorContains(t, err, "write to bucket tweets")
	require.NotContains(t, err.Error(), "SECRET")
	s.Close()
	require.ErrorContains(t, CheckBucket(ctx, s.url(), keys, true), "list bucket tweets")
	dir := filepath.Join(t.TempDir(), "not-there")
	require.NoError(t, CheckBucket(ctx, dir, keys, true))
	require.NoDirExists(t, dir)
}

func TestBucketURL(t *testing.T) {
	for _, wrong := range []string{
		"s3://b?x=y", "s3://b?endpoint=http://example.org", "s3://b?endpoint=ftp://example.org", "s3://b?endpoint=https://u:SECRET@h",
		"s3://b?endpoint=https://h/path", "s3://b?endpoint=%00",
	} {
		err := ParseURL(wrong)
		require.Error(t, err, wrong)
		require.NotContains(t, err.Error(), "SECRET")
	}
	for _, right := range []string{"s3://b", "s3://b/p?endpoint=https://h:9000", "s3://b?endpoint=http://127.0.0.1:9000", "s3://b?endpoint=http://[::1]:9"} {
		require.NoError(t, ParseURL(right), right)
	}
}

// TestBucketSpoolKeepsMode: what waits is for its owner only.
func TestBucketSpoolKeepsMode(t *testing.T) {
	dir := t.TempDir()
	w := newBucketWriter(t, newStore(t), dir)
	write(t, w, noon, 0, 10)
	require.NoError(t, w.SealAll(clock))
	info, err := os.Stat(segments(t, dir)[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(fileMode), info.Mode().Perm())
	require.NoError(t, w.Close())
}
