package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// Each step must be heard before the next one is sent: nothing may be held back until more comes.
func TestDeliveredAtOnce(t *testing.T) {
	steps := []string{"\r\n", record(1), "\r\n", record(2) + record(3), `{"warn":{"message":"x"}}` + "\r\n"}
	heard := []string{"opened beat", "opened beat record", "opened beat record beat",
		"opened beat record beat record record", "opened beat record beat record record notice"}
	whole := flushed(steps...)
	for name, part := range map[string]func(i int) []byte{
		"sync flush":       func(i int) []byte { return whole[len(flushed(steps[:i]...)):len(flushed(steps[:i+1]...))] },
		"member per flush": func(i int) []byte { return pack(steps[i]) },
		"plain":            func(i int) []byte { return []byte(steps[i]) },
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan struct{})
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if name != "plain" {
					gzipped(w)
				}
				for i := range steps {
					send(w, part(i))
					<-next
				}
			})
			e, done := newEar(), make(chan End, 1)
			start(t, func() { done <- NewClient(options()).Run(t.Context(), url, e) })
			for _, words := range heard {
				e.await(t, words)
				next <- struct{}{}
			}
			require.Equal(t, "eof", (<-done).Class)
		})
	}
}

func TestWireBytes(t *testing.T) {
	body := pack(record(1), record(2), "\r\n")
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { gzipped(w); send(w, body) })
	e := newEar()
	require.Equal(t, "eof", NewClient(options()).Run(t.Context(), url, e).Class)
	require.Equal(t, len(body), e.wire)
	require.Equal(t, len(record(1))+len(record(2))+2, e.plain)
}

// A cut at any byte keeps every record that the bytes before it hold whole.
func TestCutAnywhere(t *testing.T) {
	rec := []string{record(1), record(2), record(3)}
	gz := flushed(rec...)
	ends := []int{len(flushed(rec[:1]...)), len(flushed(rec[:2]...)), len(gz)}
	for cut := 0; cut < len(gz); cut += 3 {
		e, b := newEar(), &body{src: bytes.NewReader(gz[:cut]), scanner: wire.NewScanner(0), pace: newPace(t.Context())}
		b.r, b.watch = e, newWatch(0, 0, e.Silent, nil)
		b.readAll(func(bool) {})
		require.Equal(t, io.EOF, b.err)
		whole := 0
		for _, end := range ends {
			if cut >= end {
				whole++
			}
		}
		require.GreaterOrEqual(t, strings.Count(e.words(), "record"), whole, "cut at %d", cut)
		require.Equal(t, cut, e.wire)
	}
}

// A block that no flush ended: what was decoded of it before the cut is not lost.
func TestCutWithinBlock(t *testing.T) {
	var all strings.Builder
	for i := range 200 {
		all.WriteString(record(i * 7919))
	}
	gz := pack(all.String())
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { gzipped(w); send(w, gz[:len(gz)/2]) })
	e := newEar()
	require.Equal(t, "eof", NewClient(options()).Run(t.Context(), url, e).Class)
	require.Greater(t, strings.Count(e.words(), "record"), 20)
}

func TestCorruptGzip(t *testing.T) {
	good, bad := flushed(record(1)), []byte{7, 255, 255, 255, 255, 255}
	for name, body := range map[string][]byte{
		"block":    append(bytes.Clone(good), bad...),
		"checksum": append(pack(record(1))[:len(pack(record(1)))-8], 1, 2, 3, 4, 5, 6, 7, 8),
		"member":   append(pack(record(1)), "not gzip at all"...),
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) { gzipped(w); send(w, body) })
			e := newEar()
			end := NewClient(options()).Run(t.Context(), url, e)
			require.Equal(t, "gzip", end.Class, "%v", end.Err)
			require.Error(t, end.Err)
			require.Equal(t, "opened record", e.words())
		})
	}
}

func TestEnds(t *testing.T) {
	one := fmt.Sprintf("%x\r\n%s\r\n", len(record(1)), record(1))
	for _, c := range []struct{ name, sent, class, heard string }{
		{"clean", okHeader + one + "0\r\n\r\n", "eof", "opened record"},
		{"no last chunk", okHeader + one, "reset", "opened record"},
		{"within a chunk", okHeader + one[:len(one)-6], "reset", "opened record"},
		{"within a record", okHeader + one[:len(one)-40], "reset", "opened malformed"},
		{"chunk garbage", okHeader + one + "zz\r\n", "reset", "opened record"},
		{"until close", "HTTP/1.1 200 OK\r\n\r\n" + record(1), "eof", "opened record"},
		{"content length", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(record(1)), record(1)), "eof", "opened record"},
		{"content too short", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + record(1), "reset", "opened record"},
		{"nothing", "", "reset", ""},
		{"garbage", "hello\r\n\r\n", "no_http", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEar()
				end := piped(t, options(), e, func(p peer) { p.head(c.sent) })
				require.Equal(t, c.class, end.Class, "%v", end.Err)
				if c.name != "within a record" {
					require.Equal(t, c.heard, e.words())
				}
				require.Equal(t, c.class != "eof", end.Err != nil)
			})
		})
	}
}

func TestReset(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	heard := make(chan struct{})
	start(t, func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p := peer{conn, t}
		p.request()
		p.head(okHeader)
		p.chunk(record(1))
		<-heard
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	e := newEar()
	e.onBatch = func(*wire.Batch) { close(heard); e.onBatch = nil }
	end := NewClient(options()).Run(t.Context(), "http://"+l.Addr().String()+"/", e)
	require.Equal(t, "reset", end.Class, "%v", end.Err)
}

// Records of several flushes that are at hand share a batch.
func TestCoalesced(t *testing.T) {
	var parts []string
	for i := range 50 {
		parts = append(parts, record(i))
	}
	gz := flushed(parts...)
	batches := 0
	e := newEar()
	e.onBatch = func(_ *wire.Batch) { batches++ }
	b := &body{src: bytes.NewReader(gz), scanner: wire.NewScanner(0), r: e, watch: newWatch(0, 0, e.Silent, nil), pace: newPace(t.Context())}
	b.readAll(func(bool) {})
	require.Equal(t, 50, strings.Count(e.words(), "record"))
	require.LessOrEqual(t, batches, 2)
}

// mute is a receiver that recycles, as the engine's does.
type mute struct{ free *wire.Batch }

func (m *mute) Opened() {}
func (m *mute) Silent() {}
func (m *mute) Received(b *wire.Batch) {
	b.Reset()
	m.free = b
}

func (m *mute) Batch() *wire.Batch {
	if b := m.free; b != nil {
		m.free = nil
		return b
	}
	return wire.NewBatch()
}

// endless repeats a piece of body, so that a loop never sees its end.
type endless struct {
	piece []byte
	at    int
	left  int // pieces
}

func (e *endless) Read(p []byte) (int, error) {
	if e.at == len(e.piece) {
		if e.left--; e.left <= 0 {
			return 0, io.EOF
		}
		e.at = 0
	}
	n := copy(p, e.piece[e.at:])
	e.at += n
	return n, nil
}

// flushedPiece is deflate of n records of about 5 kB, flushed each 20, that may follow itself.
func flushedPiece(n int) []byte {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, 6)
	for i := range n {
		pad := strings.Repeat(fmt.Sprintf(`,"field%d":"value %d of many"`, i%17, i*31), 150)
		fmt.Fprintf(z, `{"id":%d,"text":"hello"%s}`+"\r\n", 2008000000000000000+i, pad)
		if i%20 == 19 {
			z.Flush()
		}
	}
	z.Flush()
	return b.Bytes()
}

// loop reads the piece so many times over as one gzip member.
func loop(piece []byte, times int, r Receiver) {
	src := io.MultiReader(bytes.NewReader(gzipHeader), &endless{piece: piece, left: times})
	b := &body{src: src, scanner: wire.NewScanner(0), r: r, pace: newPace(context.Background())}
	b.pace.limit.SetLimit(rate.Inf) // the same piece again and again is like no stream of X's
	b.watch = newWatch(31*time.Second, 10*time.Second, r.Silent, func() {})
	defer b.watch.stop()
	b.readAll(func(bool) {})
}

var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

func TestLoopAllocates(t *testing.T) {
	piece := flushedPiece(200)
	few := testing.AllocsPerRun(3, func() { loop(piece, 2, &mute{}) })
	many := testing.AllocsPerRun(3, func() { loop(piece, 22, &mute{}) })
	require.Less(t, (many-few)/4000, 0.01, "allocations per record")
}

// An op is a connection of 20 000 records: what it allocates is allocated at its start.
func BenchmarkLoop(b *testing.B) {
	const records, times = 1000, 20
	piece := flushedPiece(records)
	b.ReportAllocs()
	for b.Loop() {
		loop(piece, times, &mute{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records*times), "ns/record")
}

func BenchmarkWatch(b *testing.B) {
	w := newWatch(31*time.Second, 10*time.Second, func() {}, func() {})
	defer w.stop()
	b.ReportAllocs()
	for b.Loop() {
		w.wait()
		w.got(1)
	}
}
