package stream

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gunzip reads any number of gzip members. It takes them one by one, because a multistream reader
// waits for the next member's header before it hands out the end of the last one: a record or heartbeat
// that fills a member of its own would arrive one member late.
//
// Whatever a sync flush completed is handed out without another read below (X must flush so, or its
// heartbeats would not be seen); bufio.Reader never reads more than once to fill its buffer.
type gunzip struct {
	src *bufio.Reader
	z   gzip.Reader
}

// pour writes all that is decoded to w, straight from the decoder's window, and returns why it ended:
// io.EOF at the end of a member, io.ErrUnexpectedEOF where one was cut.
func (g *gunzip) pour(w io.Writer) error {
	for {
		if err := g.z.Reset(g.src); err != nil {
			return err
		}
		g.z.Multistream(false)
		if _, err := g.z.WriteTo(w); err != nil {
			return err
		}
	}
}
