package stream

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// A script is words of the server: "5s" waits, the others are sent; the connection is then kept open
// until the client closes it.
func play(p peer, script string) {
	p.head(okHeader)
	for word := range strings.FieldsSeq(script) {
		switch word {
		case "tweet":
			p.chunk(record(1))
		case "beat":
			p.chunk("\r\n")
		case "half":
			p.chunk(`{"id":2008000000000000009,`)
		case "notice":
			p.chunk(`{"info":{"message":"hello"}}` + "\r\n")
		case "end":
			p.head("0\r\n\r\n")
		default:
			d, err := time.ParseDuration(word)
			if err != nil {
				panic("BUG: word " + word)
			}
			time.Sleep(d)
		}
	}
	io.Copy(io.Discard, p)
}

func TestWatchdogs(t *testing.T) {
	for _, c := range []struct{ name, script, heard, class, ended string }{
		{"no byte at all", "", "opened", "heartbeat", "31s"},
		{"a byte restarts the heartbeat", "30s beat 25s beat", "opened beat silent@30s silent@40s silent@50s beat silent@1m0s silent@1m10s silent@1m20s", "heartbeat", "1m26s"},
		{"beats alone are silence", "5s beat", "opened beat silent@10s silent@20s silent@30s", "heartbeat", "36s"},
		{"beats do not restart silence", "4s beat 4s beat 4s beat 4s beat 5s end", "opened beat beat silent@10s beat beat silent@20s", "eof", "21s"},
		{"a Tweet does", "5s beat 4s tweet 9s beat 9s end", "opened beat record beat silent@19s", "eof", "27s"},
		{"no byte after a Tweet", "5s tweet", "opened record", "heartbeat", "36s"},
		{"no byte until a Tweet after expiry", "12s tweet 9s end", "opened record", "eof", "21s"},
		{"a beat after expiry", "12s beat 9s end", "opened beat silent@12s", "eof", "21s"},
		{"a notice is no Tweet", "9s notice 2s end", "opened notice silent@10s", "eof", "11s"},
		{"half a record is no Tweet", "9s half 2s end", "opened silent@10s record", "eof", "11s"},
		{"a Tweet ends the repetition", "5s beat 16s tweet 5s end", "opened beat silent@10s silent@20s record", "eof", "26s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, o := newEar(), options()
				o.HeartbeatTimeout, o.SilenceTimeout = 31*time.Second, 10*time.Second
				end := piped(t, o, e, func(p peer) { play(p, c.script) })
				require.Equal(t, c.class, end.Class)
				// Words at the same instant come in no set order, so the scripts keep them apart.
				require.Equal(t, c.heard, e.words())
				want, _ := time.ParseDuration(c.ended)
				require.Equal(t, want.String(), e.at())
				require.Equal(t, 200, end.Status)
				require.True(t, end.Opened)
			})
		})
	}
}

func TestWatchdogsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEar()
		end := piped(t, options(), e, func(p peer) { play(p, "beat 24h beat end") })
		require.Equal(t, "eof", end.Class)
		require.Equal(t, "opened beat beat", e.words())
	})
}

func TestWatchdogsRestWhileWeAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := newEar(), options()
		o.HeartbeatTimeout, o.SilenceTimeout = 31*time.Second, 10*time.Second
		e.onBatch = func(*wire.Batch) { time.Sleep(5 * time.Minute) }
		end := piped(t, o, e, func(p peer) { play(p, "1s beat beat 301s beat 305s tweet end") })
		require.Equal(t, "eof", end.Class)
		require.NotContains(t, e.words(), "silent")
		require.Contains(t, e.words(), "record")
	})
}

// While Silent blocks nothing else is heard, and its time is not taken for X's.
func TestSilentBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := newEar(), options()
		o.HeartbeatTimeout, o.SilenceTimeout = 31*time.Second, 10*time.Second
		e.onMute = func() { time.Sleep(2 * time.Minute) }
		end := piped(t, o, e, func(p peer) { play(p, "5s beat 65s tweet") })
		require.Equal(t, "heartbeat", end.Class)
		require.Equal(t, "opened beat silent@10s record", e.words())
		require.Equal(t, "2m41s", e.at())
	})
}

// The engine answers Silent by cancelling: the read must come back at once.
func TestCancelWithinSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, o := newEar(), options()
		o.HeartbeatTimeout, o.SilenceTimeout = 31*time.Second, 10*time.Second
		ctx, cancel := context.WithCancelCause(t.Context())
		e.onMute = func() { cancel(Closed("silence")) }
		ours, theirs := net.Pipe()
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() {
			p := peer{theirs, t}
			p.request()
			play(p, "1s beat")
		})
		end := NewClient(o).Run(ctx, "http://localhost/", e)
		require.Equal(t, "silence", end.Class)
		require.Equal(t, "10s", e.at())
	})
}

func TestConnectTimeout(t *testing.T) {
	for name, script := range map[string]func(peer){
		"no answer":     func(p peer) { io.Copy(io.Discard, p) },
		"half a header": func(p peer) { p.head("HTTP/1.1 200 OK\r\n"); io.Copy(io.Discard, p) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEar()
				end := piped(t, options(), e, script)
				require.Equal(t, "connect_timeout", end.Class)
				require.Equal(t, patience.String(), e.at())
				require.False(t, end.Opened)
				require.Zero(t, end.Status)
			})
		})
	}
	t.Run("dial", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := options()
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			e := newEar()
			require.Equal(t, "connect_timeout", NewClient(o).Run(t.Context(), "http://localhost/", e).Class)
			require.Equal(t, patience.String(), e.at())
		})
	})
}

// An error response whose body never ends must not hold the attempt.
func TestEndlessRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEar()
		end := piped(t, options(), e, func(p peer) {
			p.head("HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n")
			p.chunk("down for")
			io.Copy(io.Discard, p)
		})
		require.Equal(t, "http_503", end.Class)
		require.Equal(t, "down for", end.Message)
		require.Equal(t, refusalTime.String(), e.at())
	})
}

// A process that was stopped finds its watchdogs overdue and the socket full: the reader comes first.
func TestWatchdogsAfterAStop(t *testing.T) {
	stopped := func(then func(w *watch)) (said string) {
		synctest.Test(t, func(*testing.T) {
			w := newWatch(5*time.Second, 2*time.Second, func() { said += "silent " }, func() { said += "dead " })
			defer w.stop()
			w.wait()
			w.got(1)
			w.wait()
			w.mu.Lock()
			w.timer.Stop()
			w.mu.Unlock()
			time.Sleep(15 * time.Second)
			w.fire()
			then(w)
		})
		return said
	}
	require.Empty(t, stopped(func(w *watch) {
		w.got(100)
		w.tweet()
		w.wait()
		time.Sleep(4 * time.Second)
		w.got(0)
	}), "Tweets were waiting")
	require.Equal(t, "dead ", stopped(func(w *watch) {
		time.Sleep(2 * time.Second)
		w.got(0)
	}), "nothing came")
}
