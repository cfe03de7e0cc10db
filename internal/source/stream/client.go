package stream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
)

// Client opens connections that leave by one route. It may run several at once: what one attempt learns for
// the next is in its memory, all else that changes belongs to the connection.
type Client struct {
	o      Options
	memory memory
}

// NewClient returns a client for one route.
func NewClient(o Options) *Client { return &Client{o: o} }

// Run opens one connection to rawURL and reads it until it ends or ctx is done. When it returns, its
// socket is closed, so that X does not count it against the next one, and r hears nothing more.
func (c *Client) Run(ctx context.Context, rawURL string, r Receiver) End {
	if ctx.Err() != nil {
		return End{Class: causeOf(ctx), Err: context.Cause(ctx)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, s, err := c.request(ctx, rawURL)
	if err != nil {
		return s.end(End{}, classOf(err, "config"), err)
	}
	a := &attempt{o: &c.o, memory: &c.memory, host: req.URL.Hostname(), ctx: ctx, cancel: cancel, secrets: s}
	defer a.close()
	// Not every wait of net/http heeds a context (the body of a 101 does not): a closed socket ends them all.
	defer context.AfterFunc(ctx, a.close)()
	return a.run(req, r)
}

// attempt is one connection from dial to close. The goroutine in Run owns it; what net/http's dialling
// goroutine touches too is atomic or under mu.
type attempt struct {
	o       *Options
	memory  *memory
	host    string
	ctx     context.Context
	cancel  context.CancelCauseFunc
	secrets secrets

	proxied, tlsFailed atomic.Bool
	classic            bool // the ClientHello is without post-quantum key shares
	step               atomic.Int32

	mu      sync.Mutex
	conn    net.Conn // nil until dialled
	address string   // of conn
	closed  bool     // a dial that succeeds now is too late
}

// Steps on the way to the response header, in their order.
const (
	dialling int32 = iota
	tunnelling
	shaking
	asking
)

var waitsFor = [...]string{"a connection", "the proxy's answer", "the end of the TLS handshake", "the response header"}

func (a *attempt) run(req *http.Request, r Receiver) End {
	t, err := a.transport()
	if err != nil {
		return a.secrets.end(End{}, "config", err)
	}
	defer t.CloseIdleConnections()
	res, err := a.header(t, req)
	if err != nil {
		class := a.connectClass(err)
		if class == connectTimeout {
			err = fmt.Errorf("waited %v in vain for %s", a.o.ConnectTimeout, waitsFor[a.step.Load()])
		}
		return a.secrets.end(End{}, class, err)
	}
	defer res.Body.Close()
	if refuses(res) {
		return a.refused(res)
	}
	r.Opened()
	class, err := a.read(res, r)
	return a.secrets.end(End{Status: res.StatusCode, Opened: true}, class, err)
}

const connectTimeout = "connect_timeout"

// header sends the request and waits for the response header, ConnectTimeout at most. RoundTrip, not
// a http.Client: it follows no redirect and puts no URL into errors.
func (a *attempt) header(t *http.Transport, req *http.Request) (*http.Response, error) {
	if a.o.ConnectTimeout > 0 {
		timer := time.AfterFunc(a.o.ConnectTimeout, func() { a.cancel(Closed(connectTimeout)) })
		defer timer.Stop()
	}
	res, err := t.RoundTrip(req.WithContext(httptrace.WithClientTrace(a.ctx, a.trace())))
	a.learn(err)
	return res, err
}

func (a *attempt) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeStart: func() { a.step.Store(shaking) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			switch {
			case err != nil:
				a.tlsFailed.Store(true)
			case a.proxied.Load(): // it may have been the proxy's
				a.step.Store(tunnelling)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { a.step.Store(asking) },
	}
}

const (
	socketBuffer   = 64 << 10  // net/http's read buffer; its default of 4 KiB costs four times the reads
	largestHeader  = 256 << 10 // of a response, in bytes
	keepAliveIdle  = 15 * time.Second
	keepAliveEvery = 15 * time.Second
	keepAliveCount = 3
	// userTimeout is how long sent bytes may stay unacknowledged: only our request and keep-alive
	// probes are sent, so this bounds how long a dead path goes unnoticed by the kernel.
	userTimeout = 30 * time.Second
)

// transport serves this attempt only: no pool whose dead socket could be taken again, DNS asked anew,
// and HTTP/1.1 alone, the only version X's clients are known to use.
func (a *attempt) transport() (*http.Transport, error) {
	cfg, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	h1 := new(http.Protocols)
	h1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  a.proxy(),
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            a.dial,
		TLSClientConfig:        cfg,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		Protocols:              h1,
		DisableCompression:     true, // its own gunzip is the slow one, and reads ahead
		MaxResponseHeaderBytes: largestHeader,
		ReadBufferSize:         socketBuffer,
		MaxIdleConnsPerHost:    -1, // none is kept: net/http would log what X sends behind the end of a body
	}, nil
}

// tlsConfig demands TLS 1.2 at least, as X does since July 2019.
func (a *attempt) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{}
	if a.o.TLS != nil {
		given, err := a.o.TLS()
		if err != nil {
			return nil, fmt.Errorf("use the TLS options: %w", err)
		}
		cfg = given.Clone()
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	cfg.NextProtos = []string{"http/1.1"}
	if a.classic = a.memory.classic(a.host); a.classic {
		cfg.CurvePreferences = classicKeyExchanges()
	}
	return cfg, nil
}

// proxy uses a proxy for plain http, which goes to loopback only, where the proxy is on loopback as well:
// any other would get the credentials in clear, and send them to its own idea of loopback.
func (a *attempt) proxy() func(*http.Request) (*url.URL, error) {
	if a.o.Proxy == nil {
		return nil
	}
	return func(req *http.Request) (*url.URL, error) {
		u, err := a.o.Proxy(req)
		if err != nil {
			return nil, &fault{"proxy", "choose a proxy", bare(err)}
		}
		if req.URL.Scheme != "https" && u != nil && !loopback.Host(u.Hostname()) {
			return nil, nil
		}
		a.proxied.Store(u != nil)
		return u, nil
	}
}

// close closes the socket itself, whatever state net/http left it in.
func (a *attempt) close() {
	a.mu.Lock()
	conn := a.conn
	a.closed = true
	a.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}
