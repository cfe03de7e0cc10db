package stream

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

const (
	username = "someone@example.com"
	password = "s3cret:p&ss"
	patience = 10 * time.Second
)

// discard is where a test server complains of the handshakes that fail on purpose.
var discard = log.New(io.Discard, "", 0)

// ear records what a receiver hears as words.
type ear struct {
	mu      sync.Mutex
	heard   []string
	wire    int
	plain   int
	busy    bool
	began   time.Time
	changed chan struct{}
	onBatch func(*wire.Batch)
	onMute  func()
}

func newEar() *ear { return &ear{changed: make(chan struct{}, 1000), began: time.Now()} }

func (e *ear) note(word string) {
	e.mu.Lock()
	e.heard = append(e.heard, word)
	e.mu.Unlock()
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

func (e *ear) enter() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy {
		e.heard = append(e.heard, "OVERLAP")
	}
	e.busy = true
}

func (e *ear) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = false
}

func (e *ear) words() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, " ")
}

func (e *ear) at() string { return time.Since(e.began).Round(time.Millisecond).String() }

func (e *ear) Opened()            { e.enter(); e.note("opened"); e.leave() }
func (e *ear) Batch() *wire.Batch { return wire.NewBatch() }

func (e *ear) Silent() {
	e.enter()
	e.note("silent@" + e.at())
	if e.onMute != nil {
		e.onMute()
	}
	e.leave()
}

func (e *ear) Received(b *wire.Batch) {
	e.enter()
	for _, f := range b.Frames {
		e.note([]string{"record", "notice", "malformed"}[f.Kind])
	}
	for range b.Heartbeats {
		e.note("beat")
	}
	e.mu.Lock()
	e.wire += b.WireBytes
	e.plain += b.Bytes
	e.mu.Unlock()
	if e.onBatch != nil {
		e.onBatch(b)
	}
	e.leave()
}

// await polls until the words are heard.
func (e *ear) await(t *testing.T, words string) {
	t.Helper()
	deadline := time.After(patience)
	for e.words() != words {
		select {
		case <-e.changed:
		case <-deadline:
			require.Equal(t, words, e.words())
		}
	}
}

func record(id int) string {
	return fmt.Sprintf(`{"created_at":"Wed Jan 07 00:00:00 +0000 2026","id":%d,"id_str":"%d","text":"hello"}`+"\r\n",
		2008000000000000000+id, 2008000000000000000+id)
}

func options() Options {
	return Options{
		Credentials:    func() (string, string, error) { return username, password, nil },
		UserAgent:      "telegraf-decahose/test",
		ConnectTimeout: patience,
	}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/stream.json?partition=1&token=hidden"
}

func pack(parts ...string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, p := range parts {
		z.Write([]byte(p))
		z.Flush()
	}
	z.Close()
	return b.Bytes()
}

// flushed is a gzip stream that never ends: no trailer.
func flushed(parts ...string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, p := range parts {
		z.Write([]byte(p))
		z.Flush()
	}
	return bytes.Clone(b.Bytes())
}

func send(w http.ResponseWriter, p []byte) {
	w.Write(p)
	http.NewResponseController(w).Flush()
}

func gzipped(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip") }

// peer is the far end of a pipe in a bubble: it reads one request and writes what the test says.
type peer struct {
	net.Conn
	t *testing.T
}

func (p peer) request() *http.Request {
	req, err := http.ReadRequest(bufio.NewReader(p))
	if err != nil {
		return nil
	}
	return req
}

const okHeader = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

func (p peer) head(s string) { io.WriteString(p, s) }
func (p peer) chunk(s string) error {
	_, err := fmt.Fprintf(p, "%x\r\n%s\r\n", len(s), s)
	return err
}

// start runs f beside the test, which does not end before f has.
func start(t *testing.T, f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	t.Cleanup(wg.Wait)
}

// piped runs one connection over a pipe whose other end follows script; it returns when both ended.
func piped(t *testing.T, o Options, e *ear, script func(peer)) End {
	ours, theirs := net.Pipe()
	o.Dial = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	var wg sync.WaitGroup
	wg.Go(func() {
		defer theirs.Close()
		p := peer{theirs, t}
		p.request()
		script(p)
	})
	end := NewClient(o).Run(context.Background(), "http://127.0.0.1/stream.json", e)
	wg.Wait()
	return end
}

// fixed is a TLS configuration that never changes.
func fixed(cfg *tls.Config) func() (*tls.Config, error) {
	return func() (*tls.Config, error) { return cfg, nil }
}
