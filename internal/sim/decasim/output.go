package decasim

import (
	"bytes"
	"fmt"
	"net"

	"github.com/klauspost/compress/gzip"
)

// output writes the body of a response: gzip, each flush decodable at once, in HTTP chunks.
type output struct {
	nc      net.Conn
	gz      *gzip.Writer
	plain   bytes.Buffer // compressed bytes of the batch
	frame   []byte       // the same in chunks
	member  bool
	chunk   int
	instant bool // what was written has been read: a pipe
}

func newOutput(nc net.Conn, cfg *ServerConfig) *output {
	o := &output{nc: nc, member: cfg.MemberPerFlush, chunk: cfg.ChunkBytes}
	level := cfg.Level
	if level == Stored {
		level = gzip.NoCompression
	}
	o.gz, _ = gzip.NewWriterLevel(&o.plain, level) // the only error is a bad level
	if o.gz == nil {
		panic(fmt.Sprintf("BUG: gzip level %d", cfg.Level))
	}
	_, tcp := nc.(*net.TCPConn)
	o.instant = !tcp
	return o
}

func (o *output) header() error {
	_, err := o.nc.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n" +
		"Content-Encoding: gzip\r\nVary: Accept-Encoding\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"))
	return err
}

// write compresses b; nothing reaches the wire before flush.
func (o *output) write(b []byte) { o.gz.Write(b) }

// flush sends what was written and returns the bytes that took.
func (o *output) flush() (int, error) {
	o.pack()
	return o.nc.Write(o.frame)
}

// flushPart sends only the first part of what was written, cut inside the compressed block.
func (o *output) flushPart() (int, error) {
	o.pack()
	return o.nc.Write(o.frame[:len(o.frame)*2/3])
}

// pack compresses to a block border and cuts the result into chunks.
func (o *output) pack() {
	if o.member {
		o.gz.Close()
		defer o.gz.Reset(&o.plain)
	} else {
		o.gz.Flush()
	}
	o.frame = o.frame[:0]
	for o.plain.Len() > 0 {
		n := o.plain.Len()
		if o.chunk > 0 {
			n = min(n, o.chunk)
		}
		o.frame = fmt.Appendf(o.frame, "%x\r\n", n)
		o.frame = append(append(o.frame, o.plain.Next(n)...), "\r\n"...)
	}
	o.plain.Reset()
}

// end writes the end of the gzip member and the final chunk: the way X closes a connection.
func (o *output) end() error {
	o.frame = o.frame[:0]
	if !o.member {
		o.gz.Close()
		o.frame = fmt.Appendf(o.frame, "%x\r\n%s\r\n", o.plain.Len(), o.plain.Bytes())
	}
	_, err := o.nc.Write(append(o.frame, "0\r\n\r\n"...))
	return err
}
