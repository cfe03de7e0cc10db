package encode

import (
	"context"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// Tag, Field and Point are the core's counter metrics, under the names that sinks know.
type (
	// Tag is a tag of them.
	Tag = point.Tag
	// Field is a field of them.
	Field = point.Field
	// Point is one of them.
	Point = point.Point
)

// Sink takes what it is given into an open batch, and delivers batches. Pending, Due and Take are called by the
// engine's one goroutine, touch memory only and never block; Write is called by one emit goroutine alone and may block
// until ctx is done.
type Sink interface {
	// Pending is the size of the open batch in bytes (or an estimate of it).
	Pending() int
	// Due reports whether the open batch, begun so long ago, should be taken now.
	Due(age time.Duration) bool
	// Take closes the open batch and returns it; the caller hands it to Write exactly once.
	Take() Batch
	// Write delivers b, and returns when it was accepted (bytes in the pipe, metrics in the agent).
	Write(ctx context.Context, b Batch) error
}

// Tweets is a Sink of Tweets.
type Tweets interface {
	Sink
	// AddTweet appends t, of that partition (0: not known), to the open batch; nothing of t is kept by reference.
	// collided is true when t's time could not be made unique (snowflake.ID.Nano).
	AddTweet(t *tweet.Tweet, partition int) (collided bool)
}

// Points is a Sink of counters.
type Points interface {
	Sink
	AddPoint(p *Point) error
}

// Batch is what Take closed. Its content is the sink's own affair.
type Batch interface{ Size() int }
