package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

var errGone = fmt.Errorf("%w: removed while it was read", ErrDamaged)

// gone makes a segment that retention removed between the listing and the reading one that could not be read.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	return err
}

// Read calls tweet for each Tweet of the minute, once, however many segments hold it, in no particular order. line is line
// protocol as the input emits it, with tags, fields and time, and with its newline; it is valid until tweet returns.
// An error of tweet ends the reading and is returned as it is. What is damaged is skipped: the rest is delivered, and the
// error, which wraps ErrDamaged, names it. A minute that the archive does not hold has no Tweets and no error.
func (a *Archive) Read(ctx context.Context, label string, m timeline.Minute, tweet func(id snowflake.ID, line []byte) error) error {
	names, err := a.names(ctx, label, m, m+1)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	r := reading{tweet: tweet, label: label, minute: m, seen: make(map[snowflake.ID]struct{})}
	wrong := []error{err}
	for _, n := range names {
		err := a.readSegment(ctx, n, &r)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return err
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// stopped carries an error of the caller's own out, whatever it wraps.
type stopped struct{ error }

// reading is one Read. Its owner is the goroutine that called.
type reading struct {
	tweet  func(id snowflake.ID, line []byte) error
	label  string
	minute timeline.Minute
	seen   map[snowflake.ID]struct{}
	line   lineproto.Line
	text   []byte
	digest uint64 // of the segment being read
}

func (a *Archive) readSegment(ctx context.Context, n found, r *reading) error {
	b, err := a.segment(ctx, n)
	if err == nil {
		err = a.readBody(n, b, r)
	}
	if stop, ok := errors.AsType[stopped](err); ok {
		return stop.error
	}
	if err != nil {
		return fmt.Errorf("segment %s: %w", n.path(), gone(err))
	}
	return nil
}

// segment is all of a segment. Of one that is not short the header is read first, and then no more than it and the name
// agree on, and a byte by which one that goes on is known: what lies there need not be ours.
func (a *Archive) segment(ctx context.Context, n found) ([]byte, error) {
	b, err := a.place.read(ctx, n.path(), headBytes)
	if err != nil || len(b) < headBytes {
		return b, err
	}
	h, err := n.header(b)
	if err != nil {
		return nil, err
	}
	return a.place.read(ctx, n.path(), h.size()+1)
}

func (a *Archive) readBody(n found, b []byte, r *reading) error {
	h, err := n.header(b)
	if err != nil {
		return err
	}
	r.digest = 0
	if err := h.readFrames(a.dec, b, r.frame); err != nil {
		return err
	}
	if r.digest != h.digest {
		return errIDs
	}
	_, err = h.ids(b)
	return err
}

// frame delivers the lines of one frame.
func (r *reading) frame(lines []byte, _ int) error {
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		t, err := parseTweet(&r.line, lines[:end])
		if err != nil || t.label != r.label || t.minute() != r.minute {
			return fmt.Errorf("%w: a line that is no Tweet of this minute", ErrDamaged)
		}
		r.digest += ledger.Digest(t.id)
		if _, known := r.seen[t.id]; !known {
			r.seen[t.id] = struct{}{}
			r.text = lineproto.AppendUnfolded(r.text[:0], lines[:end], &r.line)
			if err := r.tweet(t.id, r.text); err != nil {
				return stopped{err}
			}
		}
		lines = lines[end:]
	}
	return nil
}
