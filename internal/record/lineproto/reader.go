package lineproto

import (
	"bytes"
	"errors"
	"io"
)

const (
	// chunk is how much is read at once.
	chunk = 256 << 10
	// maxLine bounds a line, in bytes: a raw record is at most a quarter of it.
	maxLine = 64 << 20
)

// Reader reads the lines of a file that others may have written, and may still write. A line that is malformed costs itself
// up to its first newline: what is torn in a string would otherwise take the lines behind it along. One that the end of the
// file cuts is being written, and is left out.
type Reader struct {
	Malformed int64 // lines so far

	in     io.Reader
	buf    []byte
	known  int // bytes of buf that the cutter has seen: they belong to one line
	cutter Cutter
	line   Line
	end    bool // of in
}

// NewReader reads lines from in.
func NewReader(in io.Reader) *Reader { return &Reader{in: in, line: Line{loose: true}} }

// Next is the next line, valid until the next call; io.EOF when there is none.
func (r *Reader) Next() (*Line, error) {
	for {
		r.skipBlanks()
		n, whole := r.cutter.Next(r.buf[r.known:])
		r.known += n
		switch {
		case whole && r.buf[0] == '#':
			r.take(r.known)
		case whole:
			if line := r.buf[:r.known]; r.line.Parse(line) == nil {
				r.take(len(line))
				return &r.line, nil
			}
			r.drop()
		case r.end && r.unfinished():
			return nil, io.EOF
		case r.end || len(r.buf) > maxLine:
			r.drop()
		default:
			if err := r.fill(); err != nil {
				return nil, err
			}
		}
	}
}

// skipBlanks takes off what stands before a line and between lines.
func (r *Reader) skipBlanks() {
	if r.known == 0 {
		r.buf = bytes.TrimLeft(r.buf, " \t\r\n")
	}
}

// take takes the line off that the first n bytes are.
func (r *Reader) take(n int) { r.buf, r.known, r.cutter = r.buf[n:], 0, Cutter{} }

// drop takes a malformed line off, up to the first newline there is.
func (r *Reader) drop() {
	r.Malformed++
	n := bytes.IndexByte(r.buf, '\n') + 1
	if n == 0 {
		n = len(r.buf)
	}
	r.take(n)
}

// unfinished says whether more bytes could make a sound line of what there is. Behind a newline that did not end the line,
// only the rest of a string can come.
func (r *Reader) unfinished() bool {
	if bytes.IndexByte(r.buf, '\n') < 0 {
		return true
	}
	begun := r.buf
	if r.cutter.state == textBS {
		begun = begun[:len(begun)-1]
	}
	var l Line
	l.loose = true
	return l.Parse(append(bytes.Clone(begun), '"')) == nil
}

func (r *Reader) fill() error {
	size := max(chunk, len(r.buf)) // doubles: a long line is not copied over and over
	grown := make([]byte, len(r.buf), len(r.buf)+size)
	copy(grown, r.buf)
	n, err := io.ReadFull(r.in, grown[len(grown):cap(grown)])
	r.buf = grown[:len(r.buf)+n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		r.end, err = true, nil
	}
	return err
}
