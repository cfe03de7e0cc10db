package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

const (
	spoolLimit  = 1 << 30 // the plugin's default
	spoolTweets = 100_000
)

// deaf accepts nothing before it is cancelled.
type deaf struct{}

func (deaf) Deliver(ctx context.Context, _ *delivery.Batch) (delivery.Verdict, error) {
	<-ctx.Done()
	return delivery.Later, ctx.Err()
}

// willing accepts all at once.
type willing struct{}

func (willing) Deliver(context.Context, *delivery.Batch) (delivery.Verdict, error) {
	return delivery.Accepted, nil
}

// spoolRates are Tweets a second, of each round.
type spoolRates struct{ write, read []float64 }

func (r *spoolRates) add(n int, write, read time.Duration) {
	r.write, r.read = append(r.write, float64(n)/write.Seconds()), append(r.read, float64(n)/read.Seconds())
}

// benchSpool measures how fast Tweets go to the disk and come back: through a Delivery whose outputs first accept nothing
// and then everything, and through the spool alone.
func benchSpool(b *bench) error {
	tweets, err := b.corpus.parsed()
	if err != nil {
		return err
	}
	n := spoolTweets
	if b.quick {
		n /= 5
	}
	var through, alone spoolRates
	var size int64
	for range b.trips() {
		if size, err = b.throughSpool(&through, tweets, n); err != nil {
			return err
		}
		if err := b.spoolAlone(&alone, tweets, n); err != nil {
			return err
		}
	}
	b.section(fmt.Sprintf("spool: batches of %d, %d bytes a Tweet on disk", app.PushBatch, size/int64(n)))
	for _, k := range []struct {
		name string
		all  []float64
	}{{"written, through delivery", through.write}, {"read, through delivery", through.read},
		{"written, spool alone", alone.write}, {"read and removed, alone", alone.read}} {
		b.line("%-28s %8.0f Tweets/s (%.0f to %.0f)", k.name, median(k.all), slices.Min(k.all), slices.Max(k.all))
	}
	b.figure("spool_write_per_s", median(through.write))
	b.figure("spool_read_per_s", median(through.read))
	return nil
}

// throughSpool has a Delivery whose memory is full take Tweets, and another one deliver what the first left.
func (b *bench) throughSpool(r *spoolRates, tweets []tweet.Tweet, n int) (size int64, err error) {
	dir, err := os.MkdirTemp(b.dir, "spool-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	write, size, err := b.intoSpool(dir, tweets, n)
	if err != nil {
		return 0, err
	}
	read, err := b.outOfSpool(dir, n+app.MaxUndelivered)
	if err != nil {
		return 0, err
	}
	r.add(n, write, read*time.Duration(n)/time.Duration(n+app.MaxUndelivered))
	return size, nil
}

func (b *bench) intoSpool(dir string, tweets []tweet.Tweet, n int) (took time.Duration, size int64, err error) {
	s, _, err := spool.Open(dir, spoolLimit)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d, err := newLife(deaf{}, s, nil)
	if err != nil {
		return 0, 0, err
	}
	defer d.close()
	if err := d.pour(b.ctx, tweets, app.MaxUndelivered+app.PushBatch); err != nil { // memory is full, and so is its patience
		return 0, 0, err
	}
	start := time.Now()
	if err := d.pour(b.ctx, tweets, n-app.PushBatch); err != nil {
		return 0, 0, err
	}
	took = time.Since(start) * time.Duration(n) / time.Duration(n-app.PushBatch)
	if spooled := d.Status().Spooled; spooled != int64(n) {
		return 0, 0, fmt.Errorf("%w: %d Tweets in the spool, %d were given", errDisagree, spooled, n)
	}
	return took, s.Bytes(), nil
}

// outOfSpool delivers what is there, so many Tweets.
func (b *bench) outOfSpool(dir string, n int) (took time.Duration, err error) {
	s, past, err := spool.Open(dir, spoolLimit)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	start := time.Now()
	d, err := newLife(willing{}, s, past.Entries)
	if err != nil {
		return 0, err
	}
	defer d.close()
	if had := d.Status().Undelivered; had != int64(n) {
		return 0, fmt.Errorf("%w: %d Tweets in the spool, %d were put there", errDisagree, had, n)
	}
	ctx, cancel := context.WithTimeout(b.ctx, childLimit)
	defer cancel()
	err = d.untilDelivered(ctx)
	return time.Since(start), err
}

// spoolAlone appends the same, and reads and removes it again.
func (b *bench) spoolAlone(r *spoolRates, tweets []tweet.Tweet, n int) (err error) {
	dir, err := os.MkdirTemp(b.dir, "spool-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, _, err := spool.Open(dir, spoolLimit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	e, err := entryOf(tweets[:app.PushBatch])
	if err != nil {
		return err
	}
	var ids []int64
	start := time.Now()
	for range n / app.PushBatch {
		id, err := s.Append(e)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	write := time.Since(start)
	start = time.Now()
	for _, id := range ids {
		if _, err := s.Read(id); err != nil {
			return err
		}
		if err := s.Remove(id); err != nil {
			return err
		}
	}
	r.add(n, write, time.Since(start))
	return nil
}

func entryOf(tweets []tweet.Tweet) (*spool.Entry, error) {
	schema, err := encode.NewSchema("bench", nil, nil, encode.Keep)
	if err != nil {
		return nil, err
	}
	e := &spool.Entry{At: time.Now()}
	for i := range tweets {
		e.Lines = encode.AppendTweet(e.Lines, &tweets[i], schema)
		e.Tweets = append(e.Tweets, spool.Tweet{Sent: ledger.Sent{ID: tweets[i].ID, Partition: 1}, End: len(e.Lines)})
	}
	return e, nil
}
