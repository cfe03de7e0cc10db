package stream

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Each step on the way to the header ends at its deadline, says which it was, and ends at once when we stop.
func TestStepsEnd(t *testing.T) {
	silent := func(peer) {}
	for _, c := range []struct {
		name, url, proxy, waits string
		script                  func(p peer)
	}{
		{"TLS", "https://127.0.0.1/", "", "the end of the TLS handshake", silent},
		{"header", "http://127.0.0.1/", "", "the response header", silent},
		{"proxy", "https://x.example/", "http://proxy.example:3128", "the proxy's answer", silent},
		{"TLS behind a proxy", "https://x.example/", "http://proxy.example:3128", "the end of the TLS handshake",
			func(p peer) { p.request(); p.head("HTTP/1.1 200 OK\r\n\r\n") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.ConnectTimeout = 3 * time.Second
				if c.proxy != "" {
					u, _ := url.Parse(c.proxy)
					o.Proxy = http.ProxyURL(u)
				}
				o.Dial = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					start(t, func() { c.script(peer{theirs, t}); io.Copy(io.Discard, theirs); theirs.Close() })
					return ours, nil
				}
				began := time.Now()
				end := NewClient(o).Run(t.Context(), c.url, newEar())
				require.Equal(t, "connect_timeout", end.Class)
				require.ErrorContains(t, end.Err, "waited 3s in vain for "+c.waits)
				require.Equal(t, 3*time.Second, time.Since(began))

				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(Closed("stop")) })
				began = time.Now()
				require.Equal(t, "stop", NewClient(o).Run(ctx, c.url, newEar()).Class)
				require.Equal(t, time.Second, time.Since(began))
				synctest.Wait()
			})
		})
	}
}

// A body behind a switch of protocols heeds no context: a stop ends it all the same, and so does a body without end.
func TestRefusalsEndWithTheStop(t *testing.T) {
	for _, head := range []string{"HTTP/1.1 503 x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			o := options()
			o.ConnectTimeout = time.Minute
			began := time.Now()
			end := piped(t, o, newEar(), func(p peer) { p.head(head); io.Copy(io.Discard, p) })
			require.NotEmpty(t, end.Class)
			require.Equal(t, refusalTime, time.Since(began))
		})
	}
}

// Of the addresses of a name each gets its share of the time, and the one that failed is the last to be tried again.
func TestSecondAddress(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var tried []string
			o := options()
			o.ConnectTimeout = timeout
			o.Lookup = func(context.Context, string, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("::ffff:192.0.2.3")}, nil
			}
			o.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
				tried = append(tried, address)
				if address != "192.0.2.3:443" {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				ours, theirs := net.Pipe()
				theirs.Close()
				return ours, nil
			}
			c := NewClient(o)
			require.Equal(t, "tls", c.Run(t.Context(), "https://x.example/", newEar()).Class)
			require.Equal(t, []string{"192.0.2.1:443", "192.0.2.2:443", "192.0.2.3:443"}, tried)
			tried = nil
			o.ConnectTimeout = timeout
			require.Equal(t, "tls", c.Run(t.Context(), "https://x.example/", newEar()).Class)
			require.Equal(t, "192.0.2.1:443", tried[0], "the latest failure comes last")
		})
	}
}

func TestAddressesOfTheRoute(t *testing.T) {
	o := options()
	o.Lookup = func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.2")}, nil
	}
	o.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	a := &attempt{o: &o, memory: &memory{}, ctx: t.Context()}
	all, err := a.addresses("x.example:443")
	require.NoError(t, err)
	require.Equal(t, []string{"192.0.2.2:443"}, all)
}

// box is a TLS server behind a box that swallows, or resets at, a ClientHello of more than one packet.
func box(t *testing.T, resets bool) (target string, cfg *tls.Config) {
	s, cfg := tlsServer(t, nil, func(w http.ResponseWriter, _ *http.Request) { send(w, []byte(record(1))) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	through := func(near net.Conn) {
		defer near.Close()
		r := bufio.NewReader(near)
		head, err := r.Peek(5)
		if err != nil {
			return
		}
		if int(head[3])<<8|int(head[4]) > 1400 {
			if !resets {
				io.Copy(io.Discard, near)
			}
			return
		}
		far, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			return
		}
		defer far.Close()
		start(t, func() { io.Copy(near, far); near.Close() })
		io.Copy(far, r)
	}
	start(t, func() {
		for near, err := l.Accept(); err == nil; near, err = l.Accept() {
			start(t, func() { through(near) })
		}
	})
	t.Cleanup(func() { l.Close() })
	return "https://" + l.Addr().String(), cfg
}

// A ClientHello that is too large for a box is tried once without post-quantum key shares, which stay away, with a word.
func TestBigHello(t *testing.T) {
	for _, resets := range []bool{false, true} {
		target, cfg := box(t, resets)
		var said []string
		o := options()
		o.TLS, o.ConnectTimeout = fixed(cfg), 500*time.Millisecond
		o.Say = func(text string) { said = append(said, text) }
		c := NewClient(o)
		first := c.Run(t.Context(), target, newEar())
		require.Equal(t, map[bool]string{false: "connect_timeout", true: "tls"}[resets], first.Class)
		require.Empty(t, said)
		for range 2 {
			end := c.Run(t.Context(), target, newEar())
			require.Equal(t, "eof", end.Class, "%v", end.Err)
		}
		require.Len(t, said, 1)
		require.Contains(t, said[0], "post-quantum")
		require.Empty(t, cfg.CurvePreferences, "the given configuration must stay as it was")
	}
}

// A certificate that is not trusted came: there is nothing to be tried otherwise.
func TestBadCertificateIsNoBigHello(t *testing.T) {
	s, _ := tlsServer(t, nil, func(http.ResponseWriter, *http.Request) {})
	c := NewClient(options())
	require.Equal(t, "tls", c.Run(t.Context(), s.URL, newEar()).Class)
	require.False(t, c.memory.classic("127.0.0.1"))
}

// What the bytes are counts, not what the header says; a wrong header is named, once.
func TestMislabelled(t *testing.T) {
	gz := pack(record(1), "\r\n")
	for _, c := range []struct {
		label, body, heard, said string
	}{
		{"", string(gz), "opened record beat", `is gzip, and its Content-Encoding says ""`},
		{"identity", string(gz), "opened record beat", `is gzip, and its Content-Encoding says "identity"`},
		{"br", string(gz), "opened record beat", `is gzip, and its Content-Encoding says "br"`},
		{"gzip", record(1) + "\r\n", "opened record beat", `is not compressed, and its Content-Encoding says "gzip"`},
		{"gzip", "\r\n" + record(1), "opened record beat", `is not compressed, and its Content-Encoding says "gzip"`},
		{"X-GZIP", string(gz), "opened record beat", ""},
		{"", record(1), "opened record", ""},
		{"gzip", string(pack(record(1))) + string(pack(record(2))), "opened record record", ""},
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if c.label != "" {
				w.Header().Set("Content-Encoding", c.label)
			}
			send(w, []byte(c.body))
		})
		var said []string
		o := options()
		o.Say = func(text string) { said = append(said, text) }
		client := NewClient(o)
		for range 2 {
			e := newEar()
			end := client.Run(t.Context(), url, e)
			require.Equal(t, "eof", end.Class, "%q: %v", c.label, end.Err)
			require.Equal(t, c.heard, e.words())
		}
		if c.said == "" {
			require.Empty(t, said)
			continue
		}
		require.Len(t, said, 1)
		require.Contains(t, said[0], c.said)
	}
}

// Memory of hosts that change for years is bounded.
func TestMemoryIsBounded(t *testing.T) {
	var m memory
	for i := range 10 * rememberedMost {
		m.failed(strings.Repeat("a", i))
	}
	require.LessOrEqual(t, len(m.failures), rememberedMost)
}
