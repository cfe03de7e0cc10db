package pubsub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
)

const (
	dialTimeout = 10 * time.Second // and that of the TLS handshake
	// idleTimeout is below Telegraf's, which is its read_timeout: by default 10 s.
	idleTimeout = 5 * time.Second
	writeBuffer = 64 << 10
)

// NewClient returns a client for concurrency requests at once, each of which may take timeout from dialling to the
// end of the answer. It follows no redirect, and uses no proxy for loopback. tlsConfig is asked at each request, and
// returns the same configuration until its files change; nil: the platform's defaults.
func NewClient(tlsConfig func() (*tls.Config, error), timeout time.Duration, concurrency int) *http.Client {
	return &http.Client{Timeout: timeout, CheckRedirect: stay, Transport: &renewing{config: tlsConfig, made: transport(timeout, concurrency)}}
}

func transport(timeout time.Duration, concurrency int) *http.Transport {
	h1 := new(http.Protocols)
	h1.SetHTTP1(true) // one request per connection: none waits for another's body
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		Protocols:             h1,
		MaxIdleConns:          concurrency,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       idleTimeout,
		ExpectContinueTimeout: timeout, // a body is sent to whom has a slot for it
		DisableCompression:    true,
		WriteBufferSize:       writeBuffer,
	}
}

// checked is t, whose connections are checked before they are used.
func checked(r *renewing, peer func(net.Conn) error) *renewing {
	t := r.made.Clone()
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if err := peer(conn); err != nil {
			conn.Close()
			return nil, &peerError{err}
		}
		return conn, nil
	}
	return &renewing{config: r.config, made: t}
}

// peerError says that whoever listens there must not be told anything.
type peerError struct{ error }

func (p *peerError) Unwrap() error { return p.error }

// renewing is a transport whose TLS configuration changes: the connections of the old one end when they are idle.
type renewing struct {
	config func() (*tls.Config, error) // nil: it does not change
	mu     sync.Mutex
	of     *tls.Config // what made was made of; nil: of none
	made   *http.Transport
}

func (r *renewing) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.config == nil {
		return r.made.RoundTrip(req)
	}
	cfg, err := r.config()
	if err != nil {
		return nil, fmt.Errorf("use the TLS options: %w", err)
	}
	return r.with(cfg).RoundTrip(req)
}

func (r *renewing) with(cfg *tls.Config) *http.Transport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != cfg {
		old := r.made
		r.made = old.Clone()
		r.made.TLSClientConfig = cfg.Clone()
		old.CloseIdleConnections()
		r.of = cfg
	}
	return r.made
}

func (r *renewing) CloseIdleConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made.CloseIdleConnections()
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func proxy(req *http.Request) (*url.URL, error) {
	if loopback.Host(req.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

// CheckURL says what is wrong with a URL to post to: https, or http to loopback, with neither credentials nor a query.
// The error shows nothing that may be secret.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New(`"url" cannot be parsed`) // the parser's error repeats it
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New(`"url" must begin with http:// or https://`)
	case u.Hostname() == "":
		return nil, errors.New(`"url" has no host`)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New(`"url" must end with the path: the token goes into "token" or "token_file"`)
	case !loopback.Carries(u):
		return nil, errors.New(`"url": http is for loopback only: use https`)
	}
	if u.Path == "" {
		u.Path = "/" // as it is sent, and as cloud_pubsub_push's default has it
	}
	return u, nil
}
