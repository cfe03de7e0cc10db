package stream

import (
	"bufio"
	"fmt"
	"io"
	"net/http"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

const (
	readSize  = 32 << 10 // of a body that is not compressed
	batchSize = 32 << 10 // plain bytes after which a batch is handed on though more is at hand
)

// read takes a 200's body until it ends and says why.
func (a *attempt) read(res *http.Response, r Receiver) (class string, err error) {
	b := &body{src: res.Body, scanner: wire.NewScanner(a.o.RecordLimit), r: r, pace: newPace(a.ctx)}
	b.watch = newWatch(a.o.HeartbeatTimeout, a.o.SilenceTimeout, r.Silent, func() { a.cancel(Closed("heartbeat")) })
	defer b.watch.stop()
	err = b.readAll(func(gzipped bool) { b.proof.strict = a.mislabelled(res, gzipped) })
	class, err = a.readClass(b.err, err)
	if class == "eof" && b.proof.lacking(b.all) {
		return noStream, fmt.Errorf("%w: %s", errNoStream, b.proof.lack(b.all))
	}
	return class, err
}

// mislabelled reports whether the Content-Encoding is not that of the body, and names it: a box on the way unpacks or
// packs what it should leave alone.
func (a *attempt) mislabelled(res *http.Response, gzipped bool) bool {
	wants, is := "identity", "not compressed"
	if gzipped {
		wants, is = "gzip", "gzip"
	}
	if encoding(res) == wants {
		return false
	}
	a.say(fmt.Sprintf("%s: the response is %s, and its Content-Encoding says %q: a box on the way may be to blame; read by what it is", a.host, is, oneLine(res.Header.Get("Content-Encoding"))))
	return true
}

// body is the stretch between socket and receiver; one goroutine owns it. Its Read is what gunzip reads
// from: the one place that may wait for X.
type body struct {
	src     io.Reader
	scanner *wire.Scanner
	r       Receiver
	watch   *watch
	pace    *pace

	proof proof // that it is a stream
	plain int   // bytes given to the scanner since the last batch
	wire  int   // bytes from the socket that no batch has counted yet
	all   int64 // bytes from the socket
	err   error // how the socket ended
}

// Read hands on what is complete before it waits for more: so small flushes that are at hand share a
// batch, and none is ever held back.
func (b *body) Read(p []byte) (int, error) {
	b.deliver()
	b.watch.wait()
	n, err := b.src.Read(p)
	b.watch.got(n)
	b.wire += n
	b.pace.came(n)
	b.all += int64(n)
	if err != nil {
		b.err = err
	}
	return n, err
}

// readAll feeds the scanner until the body ends. What was decoded before a cut or corruption is
// delivered, the unfinished record too: the core judges it. seen hears what the first bytes are.
func (b *body) readAll(seen func(gzipped bool)) (err error) {
	b.scanner.Start(b.r.Batch())
	src := bufio.NewReaderSize(b, socketBuffer)
	if gzipped := gzipAhead(src); gzipped {
		seen(true)
		err = (&gunzip{src: src}).pour(b)
	} else {
		if b.all > 0 {
			seen(false)
		}
		err = copyPlain(b, src)
	}
	b.finish()
	return err
}

// copyPlain writes a body that is not compressed to w.
func copyPlain(w io.Writer, from io.Reader) error {
	buf := make([]byte, readSize)
	for {
		n, err := from.Read(buf)
		if _, foreign := w.Write(buf[:n]); foreign != nil {
			return foreign
		}
		if err != nil {
			return err
		}
	}
}

// Write takes decoded bytes, which it copies: the caller's may be the decoder's window. It fails where the first of
// them cannot be of a stream.
func (b *body) Write(p []byte) (int, error) {
	b.pace.take(len(p))
	if !b.proof.begun {
		if err := b.proof.begin(p); err != nil {
			return 0, err
		}
	}
	b.scan(p)
	if b.plain >= batchSize {
		b.deliver()
	}
	return len(p), nil
}

func (b *body) scan(p []byte) {
	b.plain += len(p)
	for len(p) > 0 {
		n := copy(b.scanner.Space(), p)
		b.scanner.Advance(n)
		p = p[n:]
	}
}

func (b *body) deliver() {
	if b.scanner.Pending() {
		b.handOver()
	}
}

// finish hands over the rest, and a batch without frames where only wire bytes are left to count.
func (b *body) finish() {
	b.scanner.End()
	if b.scanner.Pending() || b.wire > 0 {
		b.handOver()
	}
}

func (b *body) handOver() {
	batch := b.scanner.Take(b.r.Batch())
	batch.WireBytes, b.wire, b.plain = b.wire, 0, 0
	tweets := holdsRecord(batch) // before the receiver owns it
	b.proof.see(batch)
	b.r.Received(batch)
	if tweets {
		b.watch.tweet()
	}
}

func holdsRecord(b *wire.Batch) bool {
	for i := range b.Frames {
		if b.Frames[i].Kind == wire.Record {
			return true
		}
	}
	return false
}
