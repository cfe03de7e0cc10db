package audit

import (
	"errors"
	"io"
)

// Bounds of an answer: a store, or what answers in its place, may go on for ever.
const (
	answerMost = 64 << 20 // bytes in all: the rows of a busy minute, some 40 000, are a few megabytes
	rowMost    = 64 << 10 // bytes of one row, and what stands around it
	rowsMost   = 1 << 19  // ids are kept until all came: 8 bytes each, and as much for their times
)

var errLong = errors.New("answer is too long")

// reply is an answer, read as it comes. Each bound is an error, not an end: half an answer is none.
type reply struct {
	r    io.Reader
	left int // bytes
	row  int // bytes, until the next row must be complete
	rows int // that may still come
}

func newReply(r io.Reader) *reply { return &reply{r, answerMost, rowMost, rowsMost} }

func (l *reply) Read(p []byte) (int, error) {
	most := min(len(p), l.left, l.row)
	if most <= 0 {
		return 0, errLong
	}
	n, err := l.r.Read(p[:most])
	l.left -= n
	l.row -= n
	return n, err
}

// next notes that a row was read.
func (l *reply) next() error {
	l.row = rowMost
	if l.rows--; l.rows < 0 {
		return errLong
	}
	return nil
}
