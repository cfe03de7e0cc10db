package listen

import (
	"context"
	"errors"
	"io"
	"log" //nolint:depguard // http.Server takes no other logger; it is silent
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
)

const (
	// readTimeout bounds a request, and how long a new connection may say nothing.
	readTimeout = 5 * time.Second
	// idleTimeout is how long a connection may wait for its next request: some of Telegraf's flushes.
	idleTimeout = time.Minute
	// maxHeaderBytes bounds the header of a request.
	maxHeaderBytes = 16 << 10
)

// NewServer returns a server with bounds of time and size, whose requests know their connection. writeTimeout bounds an
// answer, its making included.
func NewServer(h http.Handler, writeTimeout time.Duration) *http.Server {
	return &http.Server{
		Handler:        h,
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       log.New(io.Discard, "", 0), // it would repeat what strangers send
		ConnContext:    func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
}

// connKey is where a request's context holds its connection.
type connKey struct{}

// Client checks that a request comes from a process of our own user, of root or of a trusted one, as loopback.Client
// does. The request's server must be of NewServer, and its listener of Few.
func Client(req *http.Request, trusted ...int) error {
	c, ok := req.Context().Value(connKey{}).(*counted)
	if !ok {
		panic("BUG: a request without its connection")
	}
	return loopback.Client(c.Conn, trusted...)
}

// Few is l, which closes connections beyond maxOpen at once: they would take descriptors that the state needs.
func Few(l net.Listener, maxOpen int) net.Listener { return &few{l, make(chan struct{}, maxOpen)} }

type few struct {
	net.Listener
	room chan struct{}
}

// Accept returns a connection for which there is room.
func (f *few) Accept() (net.Conn, error) {
	for {
		c, err := f.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case f.room <- struct{}{}:
			return &counted{Conn: c, leave: sync.OnceFunc(func() { <-f.room })}, nil
		default:
			c.Close()
		}
	}
}

// counted is a connection that leaves its room when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// Names reports whether a request's Host means a listener on own, a host without port: by an address, or by a name that
// no other can claim. A page in a browser can send requests here under a name of its own for this address.
func Names(host, own string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if loopback.Host(own) {
		return loopback.Host(host)
	}
	name, _ := os.Hostname()
	return net.ParseIP(host) != nil || loopback.Host(host) || strings.EqualFold(host, own) || name != "" && strings.EqualFold(host, name)
}

// Cause is err of a listen without the address, which the reader has before it.
func Cause(err error) string {
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		return oe.Err.Error()
	}
	return err.Error()
}
