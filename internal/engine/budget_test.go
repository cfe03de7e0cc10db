package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

func TestBudgetHoldsUpWhoeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget{max: 100}
		gone := make(chan struct{})
		var wg sync.WaitGroup
		var mu sync.Mutex
		var taken []int
		for _, n := range []int{60, 30, 40, 250} {
			wg.Go(func() {
				if b.take(n, gone) {
					mu.Lock()
					taken = append(taken, n)
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		require.Equal(t, []int{60, 30}, taken, "of all that came, what fits")
		b.give(60)
		synctest.Wait()
		require.Equal(t, []int{60, 30, 40}, taken)
		b.give(40)
		synctest.Wait()
		require.Len(t, taken, 3, "250 do not fit beside anything")
		b.give(30)
		synctest.Wait()
		require.Equal(t, []int{60, 30, 40, 250}, taken, "and are taken alone")

		wg.Go(func() { require.False(t, b.take(1, gone)) })
		synctest.Wait()
		close(gone)
		wg.Wait()
		b.give(250)
		used, peak := b.state()
		require.Equal(t, [2]int{0, 250}, [2]int{used, peak})
		require.PanicsWithValue(t, "BUG: more bytes given back than were taken", func() { b.give(1) })
	})
}

// heavy is a sink whose batches are of any size, and are never written.
type heavy struct{ size int }

func (h *heavy) Pending() int                                    { return h.size }
func (h *heavy) Due(time.Duration) bool                          { return h.size > 0 }
func (h *heavy) Take() encode.Batch                              { return heavyBatch(h.size) }
func (h *heavy) Write(ctx context.Context, _ encode.Batch) error { <-ctx.Done(); return ctx.Err() }
func (h *heavy) AddTweet(*tweet.Tweet, int) bool                 { return false }

type heavyBatch int

func (b heavyBatch) Size() int { return int(b) }

func TestSinkQueueIsFullByBytes(t *testing.T) {
	q := newSinkQueue(&heavy{size: maxQueueBytes / 2}, maxQueue)
	now := time.Now()
	for range maxQueue {
		q.flush(now)
	}
	require.Equal(t, 2, q.queued)
	require.True(t, q.full(now))
	require.NoError(t, q.took(<-q.queue))
	require.False(t, q.full(now))
	require.Equal(t, maxQueueBytes/2, q.bytes)
}
