package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
)

// clean asserts that an End shows no credential and nothing of a URL's query.
func clean(t *testing.T, e End) {
	t.Helper()
	text := e.Message
	if e.Err != nil {
		text += " " + e.Err.Error()
	}
	require.Equal(t, text, secretsOf(username, password).Hide(text))
	require.NotContains(t, text, "token=hidden")
	require.NotContains(t, text, "\n")
}

func TestHeaders(t *testing.T) {
	got := make(chan *http.Request, 1)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- r })
	end := NewClient(options()).Run(t.Context(), url, newEar())
	require.Equal(t, "no_stream", end.Class, "a 200 with nothing")
	r := <-got
	u, p, ok := r.BasicAuth()
	require.True(t, ok)
	require.Equal(t, []string{username, password}, []string{u, p})
	require.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
	require.Equal(t, "application/json", r.Header.Get("Accept"))
	require.Equal(t, "keep-alive", r.Header.Get("Connection"))
	require.Equal(t, "telegraf-decahose/test", r.Header.Get("User-Agent"))
	require.Equal(t, "/stream.json?partition=1&token=hidden", r.URL.String())
}

func TestStatuses(t *testing.T) {
	shape := `{"error":{"message":"Exceeded rate limit","sent":"2018-02-06T16:35:03+00:00","transactionId":"000ea40b00c3da1e"}}`
	for _, c := range []struct {
		name, body, message string
		status              int
		gzip                bool
	}{
		{"json", shape, "Exceeded rate limit (transaction 000ea40b00c3da1e)", 429, false},
		{"json in gzip", shape, "Exceeded rate limit (transaction 000ea40b00c3da1e)", 420, true},
		{"no transaction", `{"error":{"message":"Gnip software error"}}`, "Gnip software error", 503, false},
		{"other json", `{"title":"ConnectionException"}`, `{"title":"ConnectionException"}`, 403, false},
		{"text", "This connection\r\n requires\tcompression.\x00\x1b[31m", `This connection requires compression.\x00\x1b[31m`, 406, false},
		{"html", "<html>\n<h1>Not found</h1>", "<html> <h1>Not found</h1>", 404, false},
		{"empty", "", "", 401, false},
		{"long", strings.Repeat("é", 5000), strings.Repeat("é", 512), 500, false},
		{"endless", strings.Repeat("x", 1<<20), strings.Repeat("x", 1024), 502, true},
		{"not utf-8", "a\xffb", `a\xffb`, 504, false},
		{"echo", "bad password " + password + " for " + username, "bad password *** for ***", 401, false},
		{"no content", "", "", 204, false},
		{"not modified", "", "", 304, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				body := []byte(c.body)
				if c.gzip {
					gzipped(w)
					body = pack(c.body)
				}
				w.WriteHeader(c.status)
				w.Write(body)
			})
			e := newEar()
			end := NewClient(options()).Run(t.Context(), url, e)
			require.Equal(t, "http_"+itoa(c.status), end.Class)
			require.Equal(t, c.status, end.Status)
			require.Equal(t, c.message, end.Message)
			require.False(t, end.Opened)
			require.Empty(t, e.words())
			clean(t, end)
		})
	}
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

func TestRedirect(t *testing.T) {
	var asked atomic.Int32
	second := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{second, "/elsewhere?token=hidden", "http://u:s3cret@127.0.0.1:1/?token=hidden", "", "::"} {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			})
			end := NewClient(options()).Run(t.Context(), url, newEar())
			require.Equal(t, "redirect", end.Class)
			require.Equal(t, status, end.Status)
			require.NotContains(t, end.Err.Error(), "hidden")
			require.NotContains(t, end.Err.Error(), "s3cret")
			clean(t, end)
		}
	}
	require.Zero(t, asked.Load())
}

func TestRefusedURLs(t *testing.T) {
	for _, url := range []string{
		"http://gnip-stream.x.com/", "http://10.0.0.1/", "http://127.0.0.1.example.com/", "http://localhost.example.com/", "ftp://localhost/",
		"https://u:s3cret@localhost/", "https://", "::", "", "http://[::2]/", "https://h/%zz?token=hidden\x7f", "http://0.0.0.0/",
	} {
		o := options()
		o.Dial = func(context.Context, string, string) (net.Conn, error) { panic("BUG: dialled " + url) }
		end := NewClient(o).Run(t.Context(), url, newEar())
		require.Equal(t, "config", end.Class, url)
		require.NotContains(t, end.Err.Error(), "s3cret")
		clean(t, end)
	}
	for _, host := range []string{"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "LocalHost"} {
		require.True(t, loopback.Host(host), host)
	}
}

func TestCredentialsFail(t *testing.T) {
	o := options()
	o.Credentials = func() (string, string, error) { return "", "", errors.New("secret store is locked") }
	end := NewClient(o).Run(t.Context(), "https://localhost/", newEar())
	require.Equal(t, "credentials", end.Class)
	require.ErrorContains(t, end.Err, "locked")
	o.Credentials = nil
	require.Equal(t, "credentials", NewClient(o).Run(t.Context(), "https://localhost/", newEar()).Class)
}

func TestConnectFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := l.Addr().String()
	l.Close()
	end := NewClient(options()).Run(t.Context(), "http://"+nobody+"/?token=hidden", newEar())
	require.Equal(t, "connect", end.Class)
	clean(t, end)

	o := options()
	o.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "stream.invalid", IsNotFound: true}}
	}
	end = NewClient(o).Run(t.Context(), "https://stream.invalid/?token=hidden", newEar())
	require.Equal(t, "dns", end.Class)
	clean(t, end)
}

func TestClosed(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(Closed("stop"))
	end := NewClient(options()).Run(ctx, "http://localhost/", newEar())
	require.Equal(t, "stop", end.Class)
	plain, stop := context.WithCancel(t.Context())
	stop()
	require.Equal(t, "closed", NewClient(options()).Run(plain, "http://localhost/", newEar()).Class)

	gone := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		send(w, []byte(record(1)))
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel = context.WithCancelCause(t.Context())
	e, done := newEar(), make(chan End, 1)
	start(t, func() { done <- NewClient(options()).Run(ctx, url, e) })
	e.await(t, "opened record")
	cancel(Closed("silence"))
	require.Equal(t, "silence", (<-done).Class)
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the socket is still open after Run")
	}
}

func tlsServer(t *testing.T, cfg *tls.Config, h http.HandlerFunc) (*httptest.Server, *tls.Config) {
	s := httptest.NewUnstartedServer(h)
	s.TLS, s.EnableHTTP2 = cfg, true
	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, s.Client().Transport.(*http.Transport).TLSClientConfig
}

func TestTLS(t *testing.T) {
	proto := make(chan string, 1)
	s, cfg := tlsServer(t, nil, func(_ http.ResponseWriter, r *http.Request) { proto <- r.Proto })
	o := options()
	end := NewClient(o).Run(t.Context(), s.URL, newEar())
	require.Equal(t, "tls", end.Class, "unknown authority: %v", end.Err)

	o.TLS = fixed(cfg)
	require.Equal(t, "no_stream", NewClient(o).Run(t.Context(), s.URL, newEar()).Class)
	require.Equal(t, "HTTP/1.1", <-proto)
	require.NotContains(t, cfg.NextProtos, "http/1.1", "the given configuration must stay as it was")

	old, oldCfg := tlsServer(t, &tls.Config{MaxVersion: tls.VersionTLS11}, func(http.ResponseWriter, *http.Request) {})
	weak := oldCfg.Clone()
	weak.MinVersion = tls.VersionTLS10
	o.TLS = fixed(weak)
	require.Equal(t, "tls", NewClient(o).Run(t.Context(), old.URL, newEar()).Class)

	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	require.Equal(t, "tls", NewClient(o).Run(t.Context(), strings.Replace(plain, "http:", "https:", 1), newEar()).Class)
}

// tunnel is a proxy that sends every CONNECT to one address.
func tunnel(t *testing.T, to string, seen chan<- *http.Request) *url.URL {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		if to == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer far.Close()
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
		start(t, func() { io.Copy(far, near) })
		io.Copy(near, far)
	}))
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	u.User = url.UserPassword("proxyuser", "proxypass")
	return u
}

func TestProxy(t *testing.T) {
	s, cfg := tlsServer(t, nil, func(w http.ResponseWriter, _ *http.Request) { send(w, []byte(record(1))) })
	seen := make(chan *http.Request, 4)
	o := options()
	o.TLS = fixed(cfg)
	o.Proxy = http.ProxyURL(tunnel(t, s.Listener.Addr().String(), seen))
	e := newEar()
	end := NewClient(o).Run(t.Context(), "https://example.com/?token=hidden", e)
	require.Equal(t, "eof", end.Class, "%v", end.Err)
	require.Equal(t, "opened record", e.words())
	r := <-seen
	require.Equal(t, "CONNECT example.com:443", r.Method+" "+r.Host)
	require.Empty(t, r.Header.Get("Authorization"), "credentials are for X alone")
	require.NotEmpty(t, r.Header.Get("Proxy-Authorization"))

}

// Plain http goes to loopback, and through a proxy only where that is on loopback too.
func TestProxyForPlainHTTP(t *testing.T) {
	asked := make(chan string, 2)
	answer := func(who string) string {
		return serve(t, func(_ http.ResponseWriter, r *http.Request) { asked <- who + " " + r.Host })
	}
	proxy, err := url.Parse(answer("proxy"))
	require.NoError(t, err)
	target := answer("X")
	for host, want := range map[string]string{proxy.Host: "proxy", "192.0.2.1:3128": "X"} {
		o := options()
		o.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: host})
		require.Equal(t, "no_stream", NewClient(o).Run(t.Context(), target, newEar()).Class)
		require.Equal(t, want+" "+strings.Split(target, "/")[2], <-asked)
	}
}

func TestProxyFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := l.Addr().String()
	l.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer mute.Close()
	start(t, func() {
		for conn, err := mute.Accept(); err == nil; conn, err = mute.Accept() {
			conn.Close()
		}
	})
	for name, proxy := range map[string]func(*http.Request) (*url.URL, error){
		"refused":  http.ProxyURL(&url.URL{Scheme: "http", Host: nobody, User: url.UserPassword("u", password)}),
		"socks":    http.ProxyURL(&url.URL{Scheme: "socks5", Host: nobody, User: url.UserPassword("u", password)}),
		"407":      http.ProxyURL(tunnel(t, "", make(chan *http.Request, 1))),
		"hangs up": http.ProxyURL(&url.URL{Scheme: "http", Host: mute.Addr().String()}),
		"function": func(*http.Request) (*url.URL, error) {
			return nil, &url.Error{Op: "parse", URL: "http://u:s3cret@h:p", Err: errors.New("invalid port")}
		},
	} {
		o := options()
		o.Proxy = proxy
		end := NewClient(o).Run(t.Context(), "https://example.com/?token=hidden", newEar())
		require.Equal(t, "proxy", end.Class, "%s: %v", name, end.Err)
		require.NotContains(t, end.Err.Error(), "s3cret", name)
		clean(t, end)
	}
}

func TestLocalAddr(t *testing.T) {
	from := make(chan string, 1)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { from <- r.RemoteAddr })
	o := options()
	o.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	end := NewClient(o).Run(t.Context(), url, newEar())
	require.Equal(t, "no_stream", end.Class, "%v", end.Err)
	require.Contains(t, <-from, "127.0.0.2:")
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"a\nb","transactionId":"c"}}`))
	f.Add([]byte("\xff\x00<html>\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := message(body)
		require.LessOrEqual(t, len(m), messageSize)
		require.False(t, strings.ContainsAny(m, "\r\n\t\x00\x1b"))
		require.True(t, strings.ToValidUTF8(m, "") == m)
	})
}
