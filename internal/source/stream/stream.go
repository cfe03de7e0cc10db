package stream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// Options of all connections that leave by one route.
type Options struct {
	// Credentials returns user name and password for one request; called at each connect.
	Credentials func() (username, password string, err error)
	UserAgent   string
	// TLS returns the configuration for one connection; called at each connect, since its files may have changed. nil:
	// the platform's defaults.
	TLS       func() (*tls.Config, error)
	Proxy     func(*http.Request) (*url.URL, error)                                // nil: none
	LocalAddr *net.TCPAddr                                                         // nil: the system chooses
	Dial      func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer; tests dial pipes
	// Lookup is net.Resolver's LookupNetIP, which nil stands for; with Dial, nil leaves names to that.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Say tells the operator of what works and should not be so; called from the goroutine of a connection, rarely.
	Say func(text string)

	ConnectTimeout   time.Duration // dial, TLS and response header together; 0: no limit
	HeartbeatTimeout time.Duration // no byte at all for this long ends the connection (class heartbeat); 0: off
	SilenceTimeout   time.Duration // no Tweet for this long while bytes came is reported (Receiver.Silent); 0: off
	RecordLimit      int           // longest record in bytes
}

// Receiver hears what happens on one connection. All calls come in order; while one of them
// blocks, the watchdogs rest, because then we are the slow side.
type Receiver interface {
	// Opened: the response header came, with status 200.
	Opened()
	// Received hands over whole records; the receiver owns b from now on.
	Received(b *wire.Batch)
	// Silent: SilenceTimeout passed since the last Tweet (or the header) although bytes came. It is
	// reported again after each further SilenceTimeout, until a Tweet comes.
	Silent()
	// Batch returns an empty batch to fill, a recycled one where there is one.
	Batch() *wire.Batch
}

// End says how a connection ended.
type End struct {
	// Class is eof, reset, heartbeat, connect, connect_timeout, dns, tls, proxy, gzip, redirect, http_NNN,
	// no_stream (a 200 with a page, a document or nothing), no_http (what answers does not speak HTTP/1.1),
	// credentials, config, closed (ctx was cancelled without a class of its own) or the class the canceller gave
	// (context.WithCancelCause with a Closed).
	Class   string
	Status  int    // HTTP status, 0 where none came
	Message string // X's words: the body of an error response, cut to 1 KiB and made one printable line
	Opened  bool   // a 200 came
	Err     error  // detail; never holds a credential
}

// Closed is the cause to cancel a connection's context with; its text becomes End.Class.
type Closed string

func (c Closed) Error() string { return string(c) }
