package stream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/loopback"
)

// Client opens connections that leave by one route. It may run several at once: all that changes
// belongs to the connection.
type Client struct{ o Options }

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
	a := &attempt{o: &c.o, ctx: ctx, cancel: cancel, secrets: s}
	defer a.close()
	return a.run(req, r)
}

// attempt is one connection from dial to close. The goroutine in Run owns it; what net/http's dialling
// goroutine touches too is atomic or under mu.
type attempt struct {
	o       *Options
	ctx     context.Context
	cancel  context.CancelCauseFunc
	secrets secrets

	proxied, tlsFailed, connected atomic.Bool

	mu     sync.Mutex
	conn   net.Conn // nil until dialled
	closed bool     // a dial that succeeds now is too late
}

func (a *attempt) run(req *http.Request, r Receiver) End {
	t := a.transport()
	defer t.CloseIdleConnections()
	res, err := a.header(t, req)
	if err != nil {
		return a.secrets.end(End{}, a.connectClass(err), err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return a.refused(res)
	}
	r.Opened()
	class, err := a.read(res, r)
	return a.secrets.end(End{Status: res.StatusCode, Opened: true}, class, err)
}

// header sends the request and waits for the response header, ConnectTimeout at most. RoundTrip, not
// a http.Client: it follows no redirect and puts no URL into errors.
func (a *attempt) header(t *http.Transport, req *http.Request) (*http.Response, error) {
	if a.o.ConnectTimeout > 0 {
		timer := time.AfterFunc(a.o.ConnectTimeout, func() { a.cancel(Closed("connect_timeout")) })
		defer timer.Stop()
	}
	return t.RoundTrip(req.WithContext(httptrace.WithClientTrace(a.ctx, a.trace())))
}

func (a *attempt) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				a.tlsFailed.Store(true)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) },
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
func (a *attempt) transport() *http.Transport {
	h1 := new(http.Protocols)
	h1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  a.proxy(),
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            a.dial,
		TLSClientConfig:        tlsConfig(a.o.TLS),
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		Protocols:              h1,
		DisableCompression:     true, // its own gunzip is the slow one, and reads ahead
		MaxResponseHeaderBytes: largestHeader,
		ReadBufferSize:         socketBuffer,
	}
}

// tlsConfig demands TLS 1.2 at least, as X does since July 2019.
func tlsConfig(given *tls.Config) *tls.Config {
	cfg := &tls.Config{}
	if given != nil {
		cfg = given.Clone()
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	cfg.NextProtos = []string{"http/1.1"}
	return cfg
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

// dial ignores net/http's context, which outlives the request: a dial that nobody waits for any more
// would hold one of the few connections that X allows.
func (a *attempt) dial(_ context.Context, network, address string) (net.Conn, error) {
	dial := a.o.Dial
	if dial == nil {
		dial = a.dialer().DialContext
	}
	conn, err := dial(a.ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !a.adopt(conn) {
		conn.Close()
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (a *attempt) dialer() *net.Dialer {
	d := &net.Dialer{
		Control: setUserTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepAliveIdle, Interval: keepAliveEvery, Count: keepAliveCount,
		},
	}
	if a.o.LocalAddr != nil {
		d.LocalAddr = a.o.LocalAddr
	}
	return d
}

func (a *attempt) adopt(conn net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.conn = conn
	return true
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
