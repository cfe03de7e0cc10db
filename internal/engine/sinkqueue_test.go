package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
)

// A batch is closed when it is due and there is room; what is added while there is none goes with the next.
func TestASinkQueueFlushes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &tweetSink{}
		q := newSinkQueue(s, 2)
		require.True(t, q.idle())
		q.flush(noon)
		require.Empty(t, q.queue, "nothing is in it")
		require.True(t, q.since.IsZero())

		s.open = idBatch{1}
		q.tweets = 1
		q.flush(noon)
		require.Empty(t, q.queue, "it is young")
		require.Equal(t, noon, q.since)
		require.False(t, q.idle())
		q.flush(noon.Add(encode.FlushAfter - 1))
		require.Empty(t, q.queue)
		q.flush(noon.Add(encode.FlushAfter))
		require.Len(t, q.queue, 1)
		require.True(t, q.since.IsZero())
		require.Equal(t, [3]int{1, 100, 0}, [3]int{q.queued, q.bytes, int(q.tweets)})

		s.open, q.tweets = make(idBatch, 50), 50
		q.flush(noon) // at once: it is large
		require.Len(t, q.queue, 2)
		s.open = idBatch{2}
		q.flush(noon)
		require.False(t, q.full(noon), "what is not due takes more")
		late := noon.Add(time.Hour)
		q.flush(late)
		require.Len(t, q.queue, 2, "no room")
		require.True(t, q.full(late))
		require.Len(t, s.open, 1)

		it := <-q.queue
		require.EqualValues(t, 1, it.tweets)
		require.NoError(t, q.took(it))
		require.False(t, q.full(late))
		q.flush(late)
		require.Equal(t, [2]int{2, 5100}, [2]int{q.queued, q.bytes})
		broken := errors.New("broken")
		it = <-q.queue
		it.err = broken
		require.ErrorIs(t, q.took(it), broken)
		require.NoError(t, q.took(<-q.queue))
		require.True(t, q.idle())
		require.Zero(t, q.bytes)
	})
}

// lazy is a sink that has no use for old batches.
type lazy struct{ tweetSink }

func (*lazy) Due(time.Duration) bool { return false }

func TestASinkQueueWakes(t *testing.T) {
	s := &tweetSink{}
	q := newSinkQueue(s, 1)
	later := noon.Add(time.Hour)
	require.Equal(t, later, q.wake(noon, later), "it has nothing")
	s.open = idBatch{1}
	q.flush(noon)
	require.Equal(t, noon.Add(encode.FlushAfter), q.wake(noon.Add(time.Millisecond), later))
	require.Equal(t, noon.Add(time.Microsecond), q.wake(noon, noon.Add(time.Microsecond)), "the other is earlier")
	q.queued = 1
	require.Equal(t, later, q.wake(noon, later), "a sink that is full is heard of")

	q = newSinkQueue(&lazy{tweetSink{open: idBatch{1}}}, 1)
	q.flush(noon)
	old := noon.Add(time.Minute)
	require.Equal(t, old.Add(pollInterval), q.wake(old, later), "it is asked again, and not at once")
}

// Each batch that was sent comes back, in its order, with what became of it.
func TestASinkQueueCarries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := 0
		odd := errors.New("odd")
		s := &tweetSink{write: func(context.Context) error {
			time.Sleep(time.Second)
			if n++; n%2 == 1 {
				return odd
			}
			return nil
		}}
		q := newSinkQueue(s, 3)
		var wg sync.WaitGroup
		wg.Go(func() { q.run(&run{write: context.Background()}) })
		for i := range 3 {
			s.open, q.tweets = make(idBatch, i+1), int64(i+1)
			q.send()
		}
		q.send() // of nothing
		for i := range 3 {
			it := <-q.back
			require.EqualValues(t, i+1, it.tweets)
			require.Equal(t, i%2 == 0, errors.Is(q.took(it), odd))
		}
		require.True(t, q.idle())
		close(q.queue)
		wg.Wait()
	})
}
