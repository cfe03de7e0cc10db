package delivery

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// willing accepts all, or nothing before it is cancelled.
type willing struct{ not bool }

func (w willing) Deliver(ctx context.Context, _ *Batch) (Verdict, error) {
	if w.not {
		<-ctx.Done()
		return Later, ctx.Err()
	}
	return Accepted, nil
}

// benchLife starts a Delivery whose news nobody keeps.
func benchLife(b *testing.B, c Courier, s *spool.Spool, past []spool.Entry) (d *Delivery, stop func()) {
	schema, err := encode.NewSchema("bench", nil, nil, encode.Keep)
	require.NoError(b, err)
	d = New(Config{Schema: schema, Courier: c, Slots: 8, Most: 500, MostBytes: 1 << 20, Memory: 5000, Acknowledged: true,
		Spool: s, Past: past})
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { d.Run(context.Background()) })
	wg.Go(func() {
		for {
			select {
			case <-d.Outcomes():
			case <-quit:
				return
			}
		}
	})
	return d, func() {
		require.NoError(b, d.Stop(in(b, 10*time.Second)))
		close(quit)
		wg.Wait()
	}
}

func pour(b *testing.B, d *Delivery, n int) {
	w := &tweet.Tweet{Text: make([]byte, 280), UserScreenName: []byte("someone"), Source: []byte("Web App")}
	for i := range w.Text {
		w.Text[i] = 'a'
	}
	for i := range n {
		w.ID = snowflake.ID(1<<60 + i)
		d.AddTweet(w, 1)
		if i == n-1 || d.Due(0) {
			require.NoError(b, d.Write(b.Context(), d.Take()))
		}
	}
}

func untilDelivered(d *Delivery) {
	for d.Status().Undelivered > 0 {
		<-time.After(time.Millisecond)
	}
}

// An operation is one Tweet.
func BenchmarkMemory(b *testing.B) {
	d, stop := benchLife(b, willing{}, nil, nil)
	b.ReportAllocs()
	b.ResetTimer()
	pour(b, d, b.N)
	untilDelivered(d)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "Tweets/s")
	stop()
}

func BenchmarkIntoSpool(b *testing.B) {
	s, _ := openSpool(b, b.TempDir())
	d, stop := benchLife(b, willing{not: true}, s, nil)
	pour(b, d, 5001) // memory is full
	b.ReportAllocs()
	b.ResetTimer()
	pour(b, d, b.N)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "Tweets/s")
	d.halt()
	stop()
	require.NoError(b, s.Close())
}

func BenchmarkOutOfSpool(b *testing.B) {
	dir := b.TempDir()
	s, _ := openSpool(b, dir)
	d, stop := benchLife(b, willing{not: true}, s, nil)
	pour(b, d, b.N)
	d.halt()
	stop()
	require.NoError(b, s.Close())
	s, was := openSpool(b, dir)
	b.ReportAllocs()
	b.ResetTimer()
	d, stop = benchLife(b, willing{}, s, was.Entries)
	untilDelivered(d)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "Tweets/s")
	stop()
	require.NoError(b, s.Close())
}
