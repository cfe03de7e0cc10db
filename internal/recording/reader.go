package recording

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
)

// errNone says that a file is something else.
var errNone = errors.New("it is no recording of this version")

// Reader reads one file. It has one owner, and takes bounded memory whatever the file holds.
type Reader struct {
	in    *bufio.Reader
	begin *Begin
	buf   []byte
	dec   decoder
	cut   bool
}

// NewReader reads a file's beginning.
func NewReader(r io.Reader) (*Reader, error) {
	f := &Reader{in: bufio.NewReaderSize(r, 1<<16)}
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f.in, head); err != nil || string(head) != magic {
		return nil, errNone
	}
	kind, content, err := readFrame(f.in, nil)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: it ends within its beginning", errDamaged)
	case err != nil:
		return nil, err
	case kind != frameBegin:
		return nil, errNone
	}
	if f.begin, err = decodeBegin(content); err != nil {
		return nil, err
	}
	f.dec.now, f.dec.wall = time.Unix(0, f.begin.Now).UTC(), f.begin.Wall
	f.dec.conns = conns(&f.begin.Config)
	return f, nil
}

// conns is how many indices a core of that config has, for connections and requests.
func conns(c *core.Config) int {
	made := core.New(*c)
	return len(made.Conns()) + made.Requests()
}

// Begin is what the file begins with.
func (f *Reader) Begin() *Begin { return f.begin }

// Cut reports whether the file ended within a step: its process was killed, or the disk was full.
func (f *Reader) Cut() bool { return f.cut }

// Next is the next step, valid until the one after it. The error is io.EOF at the end, also of a file that was cut.
func (f *Reader) Next() (s Step, err error) {
	kind, content, err := readFrame(f.in, f.buf)
	f.buf = content
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.cut = true
		return s, io.EOF
	case err != nil:
		return s, err
	case kind != frameStep:
		return s, fmt.Errorf("%w: a frame of kind %d", errDamaged, kind)
	}
	return f.dec.step(content)
}
