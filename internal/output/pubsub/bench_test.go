package pubsub

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
)

// BenchmarkDeliver posts batches of 500 Tweets, 8 at once, to Telegraf's own listener in the same process, whose
// outputs accept at once.
func BenchmarkDeliver(b *testing.B) {
	l := listen(b, accept, nil)
	c, tweets := courier(b, l.url()), many(b, 500)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if v, err := c.Deliver(context.Background(), tweets); v != delivery.Accepted {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N*len(tweets.Tweets))/b.Elapsed().Seconds(), "Tweets/s")
}

func BenchmarkCheckBatch(b *testing.B) {
	tweets := many(b, 500)
	b.SetBytes(int64(len(tweets.Lines)))
	for b.Loop() {
		if err := checkBatch(tweets); err != nil {
			b.Fatal(err)
		}
	}
}
