package delivery

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
)

func TestStdout(t *testing.T) {
	within(t, func(t *testing.T) {
		var out bytes.Buffer
		w := encode.NewWriter(&out)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { w.Run(ctx) })
		c := Stdout(w)
		v, err := c.Deliver(t.Context(), &Batch{Lines: []byte("a b=1i 1\n")})
		require.NoError(t, err)
		require.Equal(t, Accepted, v)
		require.Equal(t, "a b=1i 1\n", out.String())
		cancel()
		wg.Wait()
		v, err = c.Deliver(t.Context(), &Batch{Lines: []byte("a b=1i 2\n")})
		require.ErrorIs(t, err, encode.ErrStopped)
		require.Equal(t, Later, v)
	})
}

func TestStdoutThatBreaks(t *testing.T) {
	within(t, func(t *testing.T) {
		w := encode.NewWriter(broken{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { w.Run(ctx) })
		v, err := Stdout(w).Deliver(t.Context(), &Batch{Lines: []byte("a b=1i 1\n")})
		require.ErrorIs(t, err, errBroken)
		require.Equal(t, Later, v)
	})
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestPaced(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		p := Paced(c, 100)
		begun := time.Now()
		for range 10 {
			v, err := p.Deliver(t.Context(), batchOf(50))
			require.NoError(t, err)
			require.Equal(t, Accepted, v)
		}
		require.Equal(t, 4*time.Second, time.Since(begun), "one second's are free")
		_, err := p.Deliver(t.Context(), batchOf(250))
		require.NoError(t, err)
		require.Equal(t, 6500*time.Millisecond, time.Since(begun))
		v, err := p.Deliver(cancelled(t), batchOf(50))
		require.Error(t, err)
		require.Equal(t, Later, v)
	})
}

func batchOf(n int) *Batch {
	d := newDelivery(Config{Schema: testConfig(nil, nil).Schema, Slots: 1, Most: n, MostBytes: 1 << 20, Memory: n}, nil)
	l := &life{Delivery: d}
	l.add(upTo(1, 1)...)
	for len(d.open.batches[0].Tweets) < n {
		l.add(1)
	}
	return d.open.batches[0]
}

// TestWithTheSpool lets two processes work with the spool itself, the first of which is killed.
func TestWithTheSpool(t *testing.T) {
	dir := t.TempDir()
	s, _ := openSpool(t, dir)
	c := newFakeCourier(t)
	c.answer = later
	cfg := testConfig(t, c)
	cfg.Spool = s
	first := start(t, cfg, s)
	require.NoError(t, first.write(t.Context(), upTo(1, 200)...))
	require.NoError(t, first.Stop(cancelled(t)))
	first.end()
	require.NoError(t, s.Close())
	require.Eventually(t, func() bool { safe, _, _ := first.now(); return safe == 200 }, time.Minute, time.Millisecond) // the last is being noted
	_, delivered, _ := first.now()
	require.Zero(t, delivered)

	s, was := openSpool(t, dir)
	c = newFakeCourier(t)
	c.answer = bad(3, 77, 150)
	cfg.Courier, cfg.Spool, cfg.Past = c, s, was.Entries
	spooled := 0
	for i := range was.Entries {
		spooled += len(was.Entries[i].Tweets)
	}
	require.Equal(t, 200, spooled)
	second := start(t, cfg, s)
	require.Eventually(t, func() bool { return second.Status().Undelivered == 0 }, time.Minute, time.Millisecond)
	require.NoError(t, second.Stop(t.Context()))
	second.end()
	require.NoError(t, s.Close())
	_, delivered, refused := second.now()
	require.Equal(t, 197, delivered)
	require.Len(t, refused, 3)

	s, was = openSpool(t, dir)
	require.Empty(t, was.Entries)
	require.Len(t, was.Refused, 3)
	require.NoError(t, s.Close())
}

func openSpool(t testing.TB, dir string) (*spool.Spool, *spool.Contents) {
	s, was, err := spool.Open(dir, 1<<30)
	require.NoError(t, err)
	require.Empty(t, was.Notes)
	return s, was
}
