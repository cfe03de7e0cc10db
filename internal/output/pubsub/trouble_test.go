package pubsub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf/plugins/inputs/cloud_pubsub_push"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
)

func TestWrongToken(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, nil)
	for _, wrong := range []string{"wrong", ""} {
		c := courierOf(t, l.url(), wrong, patience)
		later(t, c, many(t, 5000), "(401)", `"token"`, "[[inputs.cloud_pubsub_push]]", l.url())
		plainly(t, c.Check(context.Background()), "(401)", `"token"`)
	}
}

func TestUnreadableToken(t *testing.T) {
	t.Parallel()
	c := courier(t, "http://127.0.0.1:9/decahose")
	c.token = func() (string, error) { return "", errors.New("open token_file: no such file") }
	later(t, c, batch(t, "a"), "read the token", "token_file")
}

func TestWrongPath(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, func(p *cloud_pubsub_push.PubSubPush) { p.Path = "/other" })
	later(t, courier(t, l.url()), many(t, 5000), "(404)", `"path"`, l.url())
}

func TestNoListener(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c := courier(t, "http://"+l.Addr().String()+"/decahose")
	later(t, c, batch(t, "a"), l.Addr().String(), "cannot be reached", "[[inputs.cloud_pubsub_push]]", "Telegraf up")
	plainly(t, c.Check(context.Background()), "cannot be reached")
}

func TestTelegrafRestartsBetweenBatches(t *testing.T) {
	t.Parallel()
	l := listen(t, accept, nil)
	c := courier(t, l.url())
	accepted(t, c, batch(t, "a"))
	l.plugin.Stop()
	later(t, c, batch(t, "a"))
	l.start(t, accept)
	accepted(t, c, batch(t, "a"))
}

// secure makes cloud_pubsub_push speak TLS with the certificate of net/http/httptest, and returns its authority.
func secure(t *testing.T) (*listener, *x509.CertPool) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	certFile, keyFile := write("cert.pem", "CERTIFICATE", s.Certificate().Raw), write("key.pem", "PRIVATE KEY", key)
	return listen(t, accept, func(p *cloud_pubsub_push.PubSubPush) {
		p.TLSCert, p.TLSKey = certFile, keyFile
	}), pool
}

func trusting(t *testing.T, rawURL string, cfg *tls.Config) *Courier {
	client := NewClient(func() (*tls.Config, error) { return cfg, nil }, patience, 1)
	t.Cleanup(client.CloseIdleConnections)
	return New(Config{URL: rawURL, Token: func() (string, error) { return token, nil }, Client: client})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	l, pool := secure(t)
	https := "https://" + l.address + "/decahose"
	accepted(t, trusting(t, https, &tls.Config{RootCAs: pool}), many(t, 500))
	later(t, trusting(t, https, nil), batch(t, "a"), "not trusted", `"tls_ca"`)
	later(t, trusting(t, https, &tls.Config{RootCAs: pool, ServerName: "other"}), batch(t, "a"), "another name", `"tls_server_name"`)
	later(t, trusting(t, l.url(), nil), many(t, 500), "speaks TLS", "https://")

	plain := listen(t, accept, nil)
	later(t, courier(t, "https://"+plain.address+"/decahose"), batch(t, "a"), "does not speak TLS", "http://")
}

func TestClientCertificateDemanded(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	later(t, trusting(t, s.URL, &tls.Config{RootCAs: pool}), batch(t, "a"), "TLS handshake", `"tls_cert"`)
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("followed") })
		here := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+"?"+r.URL.RawQuery, status)
		})
		later(t, courier(t, here), batch(t, "a"), fmt.Sprintf("(%d)", status), "redirect")

		careless := New(Config{URL: here, Token: func() (string, error) { return token, nil }, Client: &http.Client{}})
		later(t, careless, batch(t, "a"), "redirect")
	}
}

func TestOthersThatAreNotTelegraf(t *testing.T) {
	t.Parallel()
	for status, says := range map[int]string{
		200: "did not answer like Telegraf", 202: "did not answer like Telegraf", 400: "did not understand", 403: "nothing in between",
		405: "nothing in between", 429: "nothing in between", 502: "nothing in between", 504: "nothing in between", 503: "is stopping",
	} {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "you said "+r.URL.String(), status) })
		later(t, courier(t, u), many(t, 500), says, fmt.Sprintf("(%d)", status))
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	l := listen(t, hang, func(p *cloud_pubsub_push.PubSubPush) { p.MaxUndeliveredMessages = 1 })
	c, said := courierOf(t, l.url(), token, 200*time.Millisecond), []string{}
	c.say = func(level byte, text string) { said = append(said, string(level)+" "+text) }
	later(t, c, batch(t, "a"), "did not answer in time", `"timeout"`)
	require.False(t, c.full.Load())
	later(t, c, batch(t, "a"), "did not answer in time", `"timeout"`)
	require.True(t, c.full.Load(), "the second got no slot")
	require.Len(t, said, 1)
	require.Contains(t, said[0], "E http://")
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{})
	u := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(reached)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		<-reached
		cancel()
	})
	defer wg.Wait()
	v, err := courier(t, u).Deliver(ctx, batch(t, "a"))
	require.Equal(t, delivery.Later, v)
	require.ErrorIs(t, err, context.Canceled)
	plainly(t, err, "was given up")
}

// The verdict does not wait for the body of an answer that says all in its status.
func TestBodyThatNeverEnds(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"500 Internal Server Error", "503 Service Unavailable"} {
		held := make(chan struct{})
		u := converse(t, func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 "+status+"\r\nContent-Length: 100\r\n\r\ntimed")
			<-held
		})
		later(t, courier(t, u), batch(t, "a"), status[:3])
		close(held)
	}
}

func TestConnectionBreaks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ answer, says string }{
		"before the answer":      {"", "broke the connection off"},
		"in the status":          {"HTTP/1.1 20", "broke the connection off"},
		"in the header":          {"HTTP/1.1 204 No Content\r\nDate: Thu", "broke the connection off"},
		"after 100":              {"HTTP/1.1 100 Continue\r\n\r\n", "broke the connection off"},
		"no HTTP":                {"token=" + token + "\r\n\r\n", "broke the connection off"},
		"echo of the query":      {"HTTP/1.1 token=s3cret+t%26ken ", "broke the connection off"},
		"in the body of 400":     {"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nno", "did not understand"},
		"in the body of 500":     {"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno", "(500)"},
		"nonsense in the header": {"HTTP/1.1 204 No\r\ntoken=" + token + "\r\n\r\n", "broke the connection off"},
	} {
		t.Run(name, func(t *testing.T) {
			u := converse(t, func(conn net.Conn) {
				io.WriteString(conn, c.answer)
				conn.(*net.TCPConn).SetLinger(0)
			})
			_, err := courier(t, u).Deliver(context.Background(), batch(t, "a"))
			require.Error(t, err)
			for _, secret := range []string{token, "s3cret", "t%26ken"} {
				require.NotContains(t, err.Error(), secret)
			}
			require.NotContains(t, err.Error(), "\n")
			require.True(t, strings.Contains(err.Error(), c.says) || name == "in the body of 400" && strings.Contains(err.Error(), "broke"), "%v", err)
		})
	}
}

// An idle connection that Telegraf closed is no failure.
func TestIdleConnectionClosed(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	c := courier(t, s.URL)
	for range 20 {
		accepted(t, c, batch(t, "a"))
		s.CloseClientConnections()
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"http://127.0.0.1:9186/decahose", "http://localhost:9186", "http://[::1]:9186/", "http://127.9.9.9/", "https://telegraf.example/decahose",
	} {
		require.NoError(t, CheckURL(good), good)
	}
	for bad, says := range map[string]string{
		"": "http", "127.0.0.1:9186": "cannot be parsed", "localhost:9186/x": "http://", "unix:///tmp/x": "http://", "http://": "no host", "https:///x": "no host",
		"http://telegraf.example/": "loopback only", "http://192.168.0.1/": "loopback only", "http://a:hidden@127.0.0.1/": "token",
		"http://127.0.0.1/?token=hidden": "token", "http://127.0.0.1/?": "token", "http://127.0.0.1/#hidden": "token", "http://127.0.0.1:hidden/": "cannot be parsed",
	} {
		err := CheckURL(bad)
		require.ErrorContains(t, err, says, bad)
		require.ErrorContains(t, err, `"url"`, bad)
		require.NotContains(t, err.Error(), "hidden", bad)
	}
	require.PanicsWithValue(t, `BUG: "url" must begin with http:// or https://`, func() { New(Config{URL: "ftp://x"}) })
}

func TestProxyIsNotForLoopback(t *testing.T) {
	for rawURL, proxied := range map[string]bool{
		"http://127.0.0.1/": false, "https://127.0.0.2/": false, "https://localhost/": false, "https://[::1]/": false, "https://telegraf.example/": true,
	} {
		req, err := http.NewRequest(http.MethodPost, rawURL, http.NoBody)
		require.NoError(t, err)
		u, err := proxy(req)
		require.NoError(t, err)
		require.Equal(t, proxied, u != nil, rawURL)
	}
}
