package stream

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// then is what a server does behind its answer.
type then int

const (
	holds     then = iota // silent until we hang up
	closes                // FIN
	resets                // RST
	drips                 // the answer itself byte by byte, every 20 ms
	dripsBody             // the same, but for its header
	floods                // the last line of the answer, as fast as we take it
)

const (
	jsonOK  = "HTTP/1.1 200 OK\nContent-Type: application/json\n"
	chunked = jsonOK + "Transfer-Encoding: chunked\n\n"
)

// answer is a raw answer and the class with which the connection must end, within the limits.
type answer struct {
	name, sent string
	then       then
	class      string
}

func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// headers are answers that never get as far as a body.
func headers() []answer {
	return []answer{
		{"nothing", "", holds, "connect_timeout"},
		{"nothing, closed", "", closes, "reset"},
		{"nothing, reset", "", resets, "reset"},
		{"half a status line", "HTTP/1.1 200", holds, "connect_timeout"},
		{"half a status line, closed", "HTTP/1.1 200", closes, "reset"},
		{"half a header, reset", jsonOK + "X-A: ", resets, "reset"},
		{"header byte by byte", jsonOK + lines(50, "X-%d: a\n"), drips, "connect_timeout"},
		{"endless header", "HTTP/1.1 200 OK\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", floods, "no_http"},
		{"endless header line", "HTTP/1.1 200 OK\nX-A: " + strings.Repeat("a", 1<<20), holds, "no_http"},
		{"header of 420 KB", "HTTP/1.1 200 OK\n" + lines(6000, "X-%d: "+strings.Repeat("a", 60)+"\n") + "\n", holds, "no_http"},
		{"100 and silence", "HTTP/1.1 100 Continue\n\n", holds, "connect_timeout"},
		{"100 without end", "HTTP/1.1 100 Continue\nX-A: b\n\n", holds, "connect_timeout"},
		{"103s", lines(20000, "HTTP/1.1 103 Early Hints\nLink: <%d>\n\n"), holds, "no_http"},
		{"a few 103s, then a refusal", lines(5, "HTTP/1.1 103 Early Hints\nLink: <%d>\n\n") + "HTTP/1.1 403 no\nContent-Length: 0\n\n", holds, "http_403"},
		{"101", "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\n", holds, "http_101"},
		{"101 without upgrade", "HTTP/1.1 101 Switching Protocols\n\n", holds, "http_101"},
		{"101 and more", "HTTP/1.1 101 x\nUpgrade: h2c\nConnection: keep-alive, Upgrade\n\nzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n", floods, "http_101"},
		{"101 byte by byte", "HTTP/1.1 101 x\nUpgrade: h2c\nConnection: Upgrade\n\n" + strings.Repeat("z", 100), dripsBody, "http_101"},
		{"HTTP/2 frames", "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\n\n", holds, "no_http"},
		{"HTTP/2 preface", "PRI * HTTP/2.0\n\nSM\n\n", holds, "no_http"},
		{"status line of HTTP/2", "HTTP/2.0 200 OK\n\n", closes, "no_stream"},
		{"HTTP/9.9", "HTTP/9.9 200 OK\nContent-Length: 0\n\n", holds, "no_stream"},
		{"TLS to a plain client", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", holds, "no_http"},
		{"SSH", "SSH-2.0-OpenSSH_9.6\n\n", holds, "no_http"},
		{"SMTP", "220 mail.example.com ESMTP\n", holds, "no_http"},
		{"no reason", "HTTP/1.1 503\nContent-Length: 0\n\n", holds, "http_503"},
		{"status of letters", "HTTP/1.1 two hundred\n\n", holds, "no_http"},
		{"status of four digits", "HTTP/1.1 2000 OK\n\n", holds, "no_http"},
		{"negative status", "HTTP/1.1 -20 OK\n\n", holds, "no_http"},
		{"status 000", "HTTP/1.1 000 x\nContent-Length: 0\n\n", holds, "no_http"},
		{"status 099", "HTTP/1.1 099 x\n\n", holds, "no_http"},
		{"status 999", "HTTP/1.1 999 x\nContent-Length: 0\n\n", holds, "http_999"},
		{"header without a colon", "HTTP/1.1 200 OK\nno colon here\n\n", holds, "no_http"},
		{"header with NUL", "HTTP/1.1 200 OK\nX-A: b\x00c\n\n", holds, "no_http"},
		{"name with a blank", "HTTP/1.1 200 OK\nX A: b\n\n", holds, "heartbeat"},
		{"folded header without a first", "HTTP/1.1 200 OK\n folded\n\n", holds, "no_http"},
		{"length -5", jsonOK + "Content-Length: -5\n\n{", holds, "no_http"},
		{"length of letters", jsonOK + "Content-Length: many\n\n{", holds, "no_http"},
		{"two lengths", jsonOK + "Content-Length: 10\nContent-Length: 20\n\n{}", holds, "no_http"},
		{"unknown transfer encoding", jsonOK + "Transfer-Encoding: gzip, chunked\n\n", holds, "no_http"},
	}
}

// refusals are statuses other than 200, and what follows them.
func refusals() []answer {
	return []answer{
		{"202", "HTTP/1.1 202 Accepted\nContent-Length: 2\n\n{}", holds, "http_202"},
		{"204", "HTTP/1.1 204 No Content\n\n", holds, "http_204"},
		{"206", "HTTP/1.1 206 Partial Content\nContent-Length: 2\n\n{}", holds, "http_206"},
		{"304", "HTTP/1.1 304 Not Modified\n\n", holds, "http_304"},
		{"301 to the cloud's metadata", "HTTP/1.1 301 Moved\nLocation: http://169.254.169.254/latest\nContent-Length: 0\n\n", holds, "redirect"},
		{"302 and an endless body", "HTTP/1.1 302 Found\nLocation: https://portal.example/\nContent-Length: 99999999\n\nxxxxxxxxxxxxxxxxxx\n", floods, "redirect"},
		{"401 and silence within the body", "HTTP/1.1 401 no\nContent-Length: 30\n\nhalf", holds, "http_401"},
		{"503 and an endless body", "HTTP/1.1 503 x\n\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", floods, "http_503"},
		{"503 and a body byte by byte", "HTTP/1.1 503 x\n\n" + strings.Repeat("x", 100), dripsBody, "http_503"},
		{"503 and a body in chunks of a lie", "HTTP/1.1 503 x\nTransfer-Encoding: chunked\n\nffffffffffffffff\nx", holds, "http_503"},
		{"503, gzip cut", "HTTP/1.1 503 x\nContent-Encoding: gzip\nTransfer-Encoding: chunked\n\n1\n\x1f\n", holds, "http_503"},
		{"403, reset within the body", "HTTP/1.1 403 x\nContent-Length: 300\n\nab", resets, "http_403"},
		{"429 with escapes and a second line", "HTTP/1.1 429 \x1b[31mred\x07\nContent-Length: 40\n\n\x1b[2J\rforged\nE! forged line\x00\t\u202e\u0085\u2028", holds, "http_429"},
		{"408 of an idle proxy, then more", "HTTP/1.1 408 x\nContent-Length: 0\nConnection: keep-alive\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n", holds, "http_408"},
	}
}

// bodies are 200s.
func bodies() []answer {
	return []answer{
		{"200 and reset", chunked, resets, "reset"},
		{"200 and silence", chunked, holds, "heartbeat"},
		{"200 and a clean end", chunked + "0\n\n", holds, "no_stream"},
		{"200 until close, empty", jsonOK + "\n", closes, "no_stream"},
		{"200 of length 0", jsonOK + "Content-Length: 0\n\n", holds, "no_stream"},
		{"200 of length 0, and a record behind it", jsonOK + "Content-Length: 0\n\n" + record(1), holds, "no_stream"},
		{"page", "HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\nContent-Length: 40\n\n<html>\n\n<title>Sign in</title></html>     ", holds, "no_stream"},
		{"page without end", "HTTP/1.1 200 OK\nContent-Type: Text/HTML\n\n<p>Sign in</p>\n\n", floods, "no_stream"},
		{"page that says JSON", jsonOK + "\n<!DOCTYPE html>\n<html>\n\n<body>Sign in</body></html>\n", floods, "no_stream"},
		{"page in gzip", "", holds, "no_stream"}, // its bytes are put in below
		{"XML", jsonOK + "\n\n\n<?xml version=\"1.0\"?>", holds, "no_stream"},
		{"document", jsonOK + "Content-Length: 36\n\n{\"message\":\"please sign in\",\"ok\":0 }", holds, "no_stream"},
		{"document of several lines", jsonOK + "\n{\n \"message\": \"please sign in\"\n}\n", closes, "no_stream"},
		{"list", jsonOK + "\n[1,2,3]\n", closes, "no_stream"},
		{"text", "HTTP/1.1 200 OK\nContent-Type: text/plain\n\nWe will be back soon.\n\n", closes, "no_stream"},
		{"X's own message", jsonOK + "\n{\"error\":{\"message\":\"Too many connections\",\"sent\":\"x\"}}\n", closes, "eof"},
		{"binary", jsonOK + "\n\x00\x01\x02", holds, "no_stream"},
		{"HTTP/1.0", "HTTP/1.0 200 OK\n\n" + record(1), closes, "eof"},
		{"length and chunked", jsonOK + "Content-Length: 5\nTransfer-Encoding: chunked\n\n1\n{\n", holds, "silence"},
		{"length of 2^63-1", jsonOK + "Content-Length: 9223372036854775807\n\n{", holds, "silence"},
		{"length too short", jsonOK + "Content-Length: 10\n\n" + record(1), closes, "eof"},
		{"chunk of 2^64-1", chunked + "ffffffffffffffff\nx", holds, "silence"},
		{"chunk of 2^68", chunked + "fffffffffffffffff\nx", holds, "reset"},
		{"chunk that is longer than it says", chunked + "1\n{}}}}}}\n", holds, "reset"},
		{"chunk extension without end", chunked + "1;" + strings.Repeat("a", 300_000), holds, "reset"},
		{"chunks of one byte with extensions", chunked + "1;a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n \n1;a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n \n", holds, "silence"},
		{"trailers without end", chunked + "0\nT: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", floods, "reset"},
		{"blanks without end", jsonOK + "\n                                                          ", floods, "silence"},
		{"heartbeats alone", jsonOK + "\n\n", floods, "silence"},
		{"a record without end", jsonOK + "\n{\"id\":1,\"text\":\"" + strings.Repeat("a", 1000), floods, "silence"},
		{"br", jsonOK + "Content-Encoding: br\n\n\x0b\x02\x80", holds, "no_stream"},
		{"br that is text", jsonOK + "Content-Encoding: br\n\nabcdef", holds, "no_stream"},
		{"gzip, gzip", "", holds, "no_stream"},
		{"gzip that is not", jsonOK + "Content-Encoding: gzip\n\nabcdef", holds, "no_stream"},
		{"gzip with a name of 100 KB", jsonOK + "Content-Encoding: gzip\n\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03" + strings.Repeat("n", 100_000), holds, "gzip"},
		{"gzip header byte by byte", jsonOK + "Content-Encoding: gzip\n\n\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\x03\xff\xff" + strings.Repeat("n", 100), dripsBody, "silence"},
		{"gzip of another method", jsonOK + "Content-Encoding: gzip\n\n\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x03", holds, "gzip"},
		{"zlib labelled gzip", jsonOK + "Content-Encoding: gzip\n\n\x78\x9c\x03\x00\x00\x00\x00\x01", holds, "no_stream"},
	}
}

// raw is the answer as it is sent; bodies in gzip hold no line ends to translate.
func (a *answer) raw() string {
	switch a.name {
	case "page in gzip":
		return translated(jsonOK+"Content-Encoding: gzip\n\n") + string(pack("<html>\r\n\r\n</html>"))
	case "gzip, gzip":
		return translated(jsonOK+"Content-Encoding: gzip, gzip\n\n") + string(pack(string(pack(record(1)))))
	}
	return translated(a.sent)
}

func translated(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// play is one connection of such a server.
func (a *answer) play(conn net.Conn) {
	defer conn.Close()
	peer{conn, nil}.request()
	raw, slow := a.raw(), ""
	switch head, body, _ := strings.Cut(raw, "\r\n\r\n"); a.then {
	case drips:
		raw, slow = "", raw
	case dripsBody:
		raw, slow = head+"\r\n\r\n", body
	}
	io.WriteString(conn, raw)
	switch a.then {
	case closes:
		return
	case resets:
		conn.(*net.TCPConn).SetLinger(0)
		return
	case drips, dripsBody:
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := range len(slow) {
			<-tick.C
			if _, err := io.WriteString(conn, slow[i:i+1]); err != nil {
				return
			}
		}
	case floods:
		last := raw[strings.LastIndex(strings.TrimRight(raw, "\r\n "), "\n")+1:]
		last = strings.Repeat(last, 1+4096/len(last))
		for _, err := io.WriteString(conn, last); err == nil; _, err = io.WriteString(conn, last) {
		}
	}
	io.Copy(io.Discard, conn)
}

// deaf is a receiver that hangs up when it hears of silence, as the core does.
type deaf struct {
	mute
	hangUp context.CancelCauseFunc
}

func (d *deaf) Silent() { d.hangUp(Closed("silence")) }

// Whatever answers, an attempt ends within its limits, with a class, without a goroutine or much memory left, and its
// words are one printable line.
func TestAnswers(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	routines := runtime.NumGoroutine()
	all := append(append(headers(), refusals()...), bodies()...)
	ends, took := make([]End, len(all)), make([]time.Duration, len(all))
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { ends[i], took[i] = all[i].end(t) })
	}
	wg.Wait()
	for i, a := range all {
		end := ends[i]
		if a.class == "silence" && end.Class == "heartbeat" { // the watchdogs give a busy machine grace
			continue
		}
		require.Equal(t, a.class, end.Class, "%s: %v %q", a.name, end.Err, end.Message)
		require.Less(t, took[i], patience, a.name)
		require.LessOrEqual(t, len(end.Message), messageSize)
		clean(t, end)
		require.False(t, strings.ContainsAny(end.Message, "\x00\x07\x1b\r\u202e\u0085\u2028"), "%q", end.Message)
	}
	settled(t, routines)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20))
}

// settled waits until no more goroutines run than did before: net/http's end a moment after their connection.
func settled(t *testing.T, before int) {
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-tick.C:
		case <-deadline:
			stacks := make([]byte, 64<<10)
			t.Fatalf("goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// patience is the connect_timeout: short only where it is waited for, since the machine may be busy.
func (a *answer) patience() time.Duration {
	switch {
	case a.class == connectTimeout:
		return 700 * time.Millisecond
	case strings.HasPrefix(a.class, "http_"): // it bounds the body, too
		return 3 * time.Second
	}
	return patience
}

// end is that of one connection to a server that answers so.
func (a *answer) end(t *testing.T) (End, time.Duration) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return End{Err: err}, 0
	}
	defer l.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if conn, err := l.Accept(); err == nil {
			a.play(conn)
		}
	})
	o := options()
	o.ConnectTimeout, o.HeartbeatTimeout, o.SilenceTimeout, o.RecordLimit = a.patience(), time.Second, 400*time.Millisecond, 64<<10
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	began := time.Now()
	end := NewClient(o).Run(ctx, "http://"+l.Addr().String()+"/?token=hidden", &deaf{hangUp: cancel})
	return end, time.Since(began)
}
