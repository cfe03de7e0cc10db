package decahose

import (
	"context"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/selfstat"

	"github.com/decahose/telegraf-decahose/internal/emit"
	"github.com/decahose/telegraf-decahose/internal/tweet"
)

// accumulatorSink hands Tweets to Telegraf as tracked groups and counters untracked. AddTweet,
// AddPoint, Pending and Take belong to the engine's goroutine and use the open batch; Write
// belongs to the emit goroutine and uses the rest.
type accumulatorSink struct {
	schema *emit.Schema
	open   *metricBatch

	acc         telegraf.TrackingAccumulator
	limit       int                         // most Tweets handed over and not yet delivered
	undelivered map[telegraf.TrackingID]int // Tweets of each group on its way
	count       int                         // sum of undelivered
	rejected    selfstat.Stat               // Tweets that an output refused or a full buffer dropped; may be nil
}

// metricBatch is one batch on its way to the accumulator.
type metricBatch struct {
	tweets, points []telegraf.Metric
	size           int
}

func (b *metricBatch) Size() int { return b.size }

// newAccumulatorSink returns a sink that never has more than limit Tweets undelivered. Each group
// holds at least one Tweet, so there are never more groups than that either, and the delivery
// channel cannot overflow (Telegraf panics if it does) even when nobody reads it any more.
func newAccumulatorSink(acc telegraf.Accumulator, s *emit.Schema, limit int, rejected selfstat.Stat) *accumulatorSink {
	return &accumulatorSink{
		schema:      s,
		open:        &metricBatch{},
		acc:         acc.WithTracking(limit),
		limit:       limit,
		undelivered: map[telegraf.TrackingID]int{},
		rejected:    rejected,
	}
}

// AddTweet adds tags and fields one by one, because a map would shuffle them.
func (s *accumulatorSink) AddTweet(t *tweet.Tweet) (collided bool) {
	ns, collided := t.ID.Nano()
	m := metric.New("decahose_tweet", nil, nil, time.Unix(0, ns))
	s.schema.EachTag(t, m.AddTag)
	s.schema.EachField(t, m.AddField)
	s.open.tweets = append(s.open.tweets, m)
	s.open.size += tweetOverhead + len(t.Text) + len(t.Raw)
	return collided
}

// tweetOverhead and pointOverhead are what a metric weighs besides its text, in bytes, roughly.
const (
	tweetOverhead = 300
	pointOverhead = 200
)

func (s *accumulatorSink) AddPoint(p *emit.Point) error {
	m := metric.New(p.Name, nil, nil, time.Unix(0, p.Time))
	for _, t := range p.Tags {
		m.AddTag(t.Key, t.Value)
	}
	for _, f := range p.Fields {
		m.AddField(f.Key, f.Value)
	}
	s.open.points = append(s.open.points, m)
	s.open.size += pointOverhead
	return nil
}

func (s *accumulatorSink) Pending() int { return s.open.size }

func (s *accumulatorSink) Take() emit.Batch {
	b := s.open
	s.open = &metricBatch{}
	return b
}

// Write returns when the agent took everything of b, or when ctx is done. While limit Tweets are
// on their way it waits for deliveries: that is how a slow output reaches the stream.
func (s *accumulatorSink) Write(ctx context.Context, b emit.Batch) error {
	batch := b.(*metricBatch)
	for rest := batch.tweets; len(rest) > 0; {
		n := min(len(rest), maxGroup, s.limit)
		if err := s.reserve(ctx, n); err != nil {
			return err
		}
		id := s.acc.AddTrackingMetricGroup(rest[:n:n])
		s.undelivered[id] = n
		rest = rest[n:]
	}
	for _, p := range batch.points {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.acc.AddMetric(p)
	}
	return nil
}

// maxGroup bounds the Tweets whose delivery is told at once, so that a large batch does not have
// to be delivered whole before the next may go.
const maxGroup = 500

// reserve waits until n more Tweets may be on their way.
func (s *accumulatorSink) reserve(ctx context.Context, n int) error {
	for s.count+n > s.limit {
		select {
		case d := <-s.acc.Delivered():
			s.delivered(d)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.count += n
	return nil
}

func (s *accumulatorSink) delivered(d telegraf.DeliveryInfo) {
	n := s.undelivered[d.ID()]
	delete(s.undelivered, d.ID())
	s.count -= n
	if !d.Delivered() && s.rejected != nil {
		s.rejected.Incr(int64(n))
	}
}
