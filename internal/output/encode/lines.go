package encode

import (
	"context"
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// A batch is closed when it holds FlushBytes, or FlushAfter after its first line.
const (
	FlushBytes = 64 << 10
	FlushAfter = 20 * time.Millisecond
)

const (
	newBatch  = FlushBytes + 16<<10 // room for the line that crosses FlushBytes
	keepBatch = 1 << 20             // larger buffers are not used again: one giant must not stay
)

// Lines is the sink, of Tweets or of Points, that writes line protocol through a Writer. The open batch belongs to the
// goroutine that adds; a taken batch to the one that writes; free carries buffers back.
type Lines struct {
	schema *Schema
	writer *Writer
	points PointEncoder
	open   *lineBatch
	free   chan *lineBatch
	done   chan error // answers to the goroutine that writes
}

type lineBatch struct{ buf []byte }

func (b *lineBatch) Size() int { return len(b.buf) }

// NewLines returns a sink; several may share w. s may be nil in a sink of Points.
func NewLines(s *Schema, w *Writer) *Lines {
	l := &Lines{schema: s, writer: w, free: make(chan *lineBatch, 8), done: make(chan error, 1)}
	l.open = l.take()
	return l
}

// AddTweet appends the Tweet's line. Where the Tweet came from is not written.
func (l *Lines) AddTweet(t *tweet.Tweet, _ int) (collided bool) {
	l.open.buf = AppendTweet(l.open.buf, t, l.schema)
	_, collided = t.ID.Nano()
	return collided
}

// AddPoint appends the point's line.
func (l *Lines) AddPoint(p *Point) (err error) {
	l.open.buf, err = l.points.Append(l.open.buf, p)
	return err
}

// Pending is the size of the open batch in bytes.
func (l *Lines) Pending() int { return len(l.open.buf) }

// Due says that a batch is closed when it holds FlushBytes, or FlushAfter after its first line.
func (l *Lines) Due(age time.Duration) bool {
	return len(l.open.buf) >= FlushBytes || age >= FlushAfter && len(l.open.buf) > 0
}

// Take closes the open batch and returns it.
func (l *Lines) Take() Batch {
	b := l.open
	l.open = l.take()
	return b
}

func (l *Lines) take() *lineBatch {
	select {
	case b := <-l.free:
		return b
	default:
		return &lineBatch{buf: make([]byte, 0, newBatch)}
	}
}

// Write hands b to the Writer and waits. When ctx ends first, how much of b was written is not
// known; its buffer then stays with the Writer and is not used again.
func (l *Lines) Write(ctx context.Context, b Batch) error {
	batch, ok := b.(*lineBatch)
	if !ok {
		panic("BUG: a batch of another sink")
	}
	if len(batch.buf) > 0 {
		if err := l.writer.write(ctx, batch.buf, l.done); err != nil {
			l.done = make(chan error, 1) // the old one may still get its answer
			return fmt.Errorf("write %d bytes of line protocol: %w", len(batch.buf), err)
		}
	}
	l.recycle(batch)
	return nil
}

func (l *Lines) recycle(b *lineBatch) {
	if cap(b.buf) > keepBatch {
		return
	}
	b.buf = b.buf[:0]
	select {
	case l.free <- b:
	default:
	}
}
