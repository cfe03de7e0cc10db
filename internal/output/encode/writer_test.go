package encode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// running starts a Writer for the length of the test.
func running(t testing.TB, out io.Writer) *Writer {
	w := NewWriter(out)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return w
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestLinesOfStreamsDoNotMix(t *testing.T) {
	var out bytes.Buffer
	writes := 0
	w := running(t, writerFunc(func(b []byte) (int, error) { writes++; return out.Write(b) }))
	var wg sync.WaitGroup
	for range 4 {
		l := NewLines(schema(t, Keep, nil, nil), w)
		wg.Go(func() {
			for range 50 {
				for range 20 {
					l.AddTweet(withText("two\nlines"), 1)
				}
				_ = l.Write(context.Background(), l.Take())
			}
		})
	}
	wg.Wait()
	require.Equal(t, 200, writes, "one Write per batch")
	require.Len(t, readTelegraf(t, out.Bytes()), 4*50*20)
}

func TestPartialWritesGoOn(t *testing.T) {
	var out bytes.Buffer
	w := running(t, writerFunc(func(b []byte) (int, error) { return out.Write(b[:min(len(b), 7)]) }))
	l := NewLines(schema(t, Keep, nil, nil), w)
	l.AddTweet(fullTweet(), 1)
	b := l.Take()
	size := b.Size()
	require.NoError(t, l.Write(context.Background(), b))
	require.Equal(t, size, out.Len())
}

func TestAWriteErrorStays(t *testing.T) {
	broken, calls := errors.New("broken pipe"), 0
	w := running(t, writerFunc(func(_ []byte) (int, error) { calls++; return 3, broken }))
	for range 3 {
		l := NewLines(schema(t, Keep, nil, nil), w)
		l.AddTweet(fullTweet(), 1)
		require.ErrorIs(t, l.Write(context.Background(), l.Take()), broken)
	}
	require.ErrorIs(t, w.Err(), broken)
	require.Equal(t, 1, calls, "nothing is sent after a torn line")

	w = running(t, writerFunc(func([]byte) (int, error) { return 0, nil }))
	require.ErrorIs(t, w.write(context.Background(), []byte("x"), make(chan error, 1)), io.ErrNoProgress)
}

func TestABlockedReaderDoesNotHoldTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out := io.Pipe()
		w := NewWriter(out)
		runCtx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { w.Run(runCtx) })
		l := NewLines(schema(t, Keep, nil, nil), w)
		for range 2 { // the first blocks in the pipe, the second before it
			l.AddTweet(fullTweet(), 1)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			require.ErrorIs(t, l.Write(ctx, l.Take()), context.DeadlineExceeded)
			cancel()
		}
		require.Empty(t, l.free, "a buffer that may still be read is not used again")

		var got bytes.Buffer
		wg.Go(func() { _, _ = io.Copy(&got, r) })
		l.AddTweet(withText("after"), 1)
		require.NoError(t, l.Write(context.Background(), l.Take()))
		stop()
		require.NoError(t, out.Close())
		wg.Wait()
		require.Len(t, readTelegraf(t, got.Bytes()), 2, "the first, and the one after; the second was never sent")

		l.AddTweet(fullTweet(), 1)
		require.ErrorIs(t, l.Write(context.Background(), l.Take()), ErrStopped)
	})
}

func TestPendingTakeAndEmpty(t *testing.T) {
	calls := 0
	w := running(t, writerFunc(func(b []byte) (int, error) { calls++; return len(b), nil }))
	l := NewLines(schema(t, Keep, nil, nil), w)
	require.Zero(t, l.Pending())
	require.NoError(t, l.Write(context.Background(), l.Take()))
	require.Zero(t, calls, "nothing to write")
	require.False(t, l.AddTweet(fullTweet(), 1))
	tw := fullTweet()
	tw.ID = snowflake.First(1772366400123) | 4000
	require.True(t, l.AddTweet(tw, 1), "sequence 976 and more: the time is not unique")
	before := l.Pending()
	require.Error(t, l.AddPoint(&Point{Name: "bad"}))
	require.Equal(t, before, l.Pending())
	require.NoError(t, l.AddPoint(&Point{Name: "p", Fields: []Field{{Key: "a", Value: int64(1)}}}))
	b := l.Take()
	require.Equal(t, before+len("p a=1i 0\n"), b.Size())
	require.Zero(t, l.Pending())
	require.NoError(t, l.Write(context.Background(), b))
}

func TestLargeBuffersAreGivenBack(t *testing.T) {
	l := NewLines(schema(t, Keep, nil, nil), running(t, io.Discard))
	l.AddTweet(withText(strings.Repeat("x", 2<<20)), 1)
	require.NoError(t, l.Write(context.Background(), l.Take()))
	require.Empty(t, l.free)
	l.AddTweet(fullTweet(), 1)
	require.NoError(t, l.Write(context.Background(), l.Take()))
	require.Len(t, l.free, 1)
}

func TestLinesAllocateNothing(t *testing.T) {
	l := NewLines(schema(t, Keep, nil, nil), running(t, io.Discard))
	tw, ctx := fullTweet(), context.Background()
	round := func() {
		for l.Pending() < FlushBytes {
			l.AddTweet(tw, 1)
		}
		_ = l.Write(ctx, l.Take())
	}
	round()
	require.Zero(t, testing.AllocsPerRun(50, round))
}
