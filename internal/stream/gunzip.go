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
	src    *bufio.Reader
	z      gzip.Reader
	within bool // a member
}

func newGunzip(src io.Reader) *gunzip { return &gunzip{src: bufio.NewReaderSize(src, socketBuffer)} }

// Read returns io.EOF only at the end of a member; a cut one is io.ErrUnexpectedEOF.
func (g *gunzip) Read(p []byte) (int, error) {
	for {
		if !g.within {
			if err := g.z.Reset(g.src); err != nil {
				return 0, err
			}
			g.z.Multistream(false)
			g.within = true
		}
		n, err := g.z.Read(p)
		if err == io.EOF {
			g.within, err = false, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
