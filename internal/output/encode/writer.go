package encode

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
)

// Writer is the one owner of the process's output: what several streams send is written whole,
// one after the other, so that their lines never mix. Create with NewWriter, run once.
type Writer struct {
	out      io.Writer
	requests chan request
	ended    chan struct{} // closed when Run returns
	err      atomic.Pointer[error]
}

type request struct {
	buf  []byte
	done chan<- error // has room for the answer: nobody may be waiting any more
}

// ErrStopped is what writes get after Run has ended.
var ErrStopped = errors.New("writer has stopped")

// NewWriter returns a Writer to w; nothing is written before Run.
func NewWriter(w io.Writer) *Writer {
	return &Writer{out: w, requests: make(chan request), ended: make(chan struct{})}
}

// Run writes until ctx is done; give it a context that outlives those who write. It cannot return
// while w blocks. After a failed write every later one gets the same error: a reader that lost
// bytes in the middle of a line must not be sent the rest of the next.
func (w *Writer) Run(ctx context.Context) {
	defer close(w.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-w.requests:
			r.done <- w.writeAll(r.buf)
		}
	}
}

// Err is the error that stopped the output, nil while it works.
func (w *Writer) Err() error {
	if p := w.err.Load(); p != nil {
		return *p
	}
	return nil
}

func (w *Writer) writeAll(buf []byte) error {
	if err := w.Err(); err != nil {
		return err
	}
	crashpoint.Here("sink-begun")
	for len(buf) > 0 {
		n, err := w.out.Write(buf)
		buf = buf[n:]
		if err == nil && n == 0 {
			err = io.ErrNoProgress
		}
		if err != nil && len(buf) > 0 {
			return w.fail(err)
		}
	}
	crashpoint.Here("sink-written")
	return nil
}

// fail is apart so that the good case does not put its error on the heap.
func (w *Writer) fail(err error) error {
	w.err.Store(&err)
	return err
}

// write sends buf and waits until it was written, or ctx is done. After any error buf may still
// be in use, and an answer may still come to done.
func (w *Writer) write(ctx context.Context, buf []byte, done chan error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.ended:
		return ErrStopped
	case w.requests <- request{buf, done}:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-done:
		return err
	}
}
