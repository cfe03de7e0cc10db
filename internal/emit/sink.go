// Package emit turns Tweets and counters into line protocol and writes it out in batches.
package emit

import (
	"context"

	"github.com/decahose/telegraf-decahose/internal/point"
	"github.com/decahose/telegraf-decahose/internal/tweet"
)

// Tag, Field and Point are the core's counter metrics, under the names that sinks know.
type (
	Tag   = point.Tag
	Field = point.Field
	Point = point.Point
)

// Sink takes Tweets and Points and delivers them in batches. Add* and Take are called by the
// engine's one goroutine, touch memory only and never block; Write is called by the emit
// goroutine alone and may block until ctx is done.
type Sink interface {
	// AddTweet appends t to the open batch; nothing of t is kept by reference.
	// collided is true when t's time could not be made unique (snowflake.ID.Nano).
	AddTweet(t *tweet.Tweet) (collided bool)
	AddPoint(p *Point) error
	// Pending is the size of the open batch in bytes (or an estimate of it).
	Pending() int
	// Take closes the open batch and returns it; the caller hands it to Write exactly once.
	Take() Batch
	// Write delivers b, and returns when it was accepted (bytes in the pipe, metrics in the agent).
	Write(ctx context.Context, b Batch) error
}

// Batch is what Take closed. Its content is the sink's own affair.
type Batch interface{ Size() int }
