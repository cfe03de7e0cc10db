// Package archive keeps Tweets in segments by event minute, in a directory or a bucket. Each segment is one file that is
// written whole and never changed: docs/archive-format.md has it byte by byte.
package archive

import (
	"context"
	"errors"
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// ErrDamaged says that part of what an archive holds could not be read: cut short, bits flipped, or removed meanwhile.
// Errors that wrap it name the segments.
var ErrDamaged = errors.New("damaged")

// Options are what is not in the URL.
type Options struct {
	// AccessKey and SecretKey sign requests to a bucket, with SessionToken where it is not empty. All empty: the ways of
	// the cloud's own tools are tried (environment, shared files, role of the machine).
	AccessKey, SecretKey, SessionToken string
}

// Archive reads. It is safe for use by several goroutines.
type Archive struct {
	url string
}

// Open opens the archive at a URL: file:///directory, or s3://bucket/prefix?region=…&endpoint=…. It reads nothing yet, so
// that a place that cannot be reached is an error of the first Minutes or Read.
func Open(ctx context.Context, url string, o Options) (*Archive, error) {
	_, _ = ctx, o
	return &Archive{url: url}, nil
}

// Summary is what the archive holds of a minute, after its index. It is a promise, not proof: only a Read that returned
// nil has seen every Tweet of it. And it says nothing of what the archive never got.
type Summary struct {
	Minute timeline.Minute
	Tweets int64  // different ids
	Digest uint64 // ledger.Digest of the ids
}

// Minutes are the minutes in [from, to) of which the archive holds Tweets under that stream label, in order. Segments
// that are seen to be damaged are left out and named in an error that wraps ErrDamaged; the minutes beside it are as
// good as without it. With any other error there are no minutes.
func (a *Archive) Minutes(ctx context.Context, label string, from, to timeline.Minute) ([]Summary, error) {
	return nil, fmt.Errorf("list %s: %w", a.url, errors.ErrUnsupported)
}

// Read calls tweet for each Tweet of the minute, once, however many segments hold it, in no particular order. line is line
// protocol as the input emits it, with tags, fields and time, and with its newline; it is valid until tweet returns.
// An error of tweet ends the reading and is returned as it is. What is damaged is skipped: the rest is delivered, and the
// error, which wraps ErrDamaged, names it. A minute that the archive does not hold has no Tweets and no error.
func (a *Archive) Read(ctx context.Context, label string, m timeline.Minute, tweet func(id snowflake.ID, line []byte) error) error {
	return fmt.Errorf("read %s: %w", a.url, errors.ErrUnsupported)
}

// Close ends the connections to the bucket, if there are any.
func (a *Archive) Close() error { return nil }
