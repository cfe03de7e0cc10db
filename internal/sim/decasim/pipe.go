package decasim

import (
	"context"
	"errors"
	"net"
	"sync"
)

// ErrRefused is what Dial returns while nobody listens.
var ErrRefused = errors.New("connection refused")

// PipeListener is a net.Listener in memory, for testing/synctest bubbles: its connections are net.Pipes,
// on which a goroutine blocks durably, so that fake time can pass. A Write returns when the other side
// has read it all: what was written has arrived.
type PipeListener struct {
	accept chan net.Conn
	mu     sync.Mutex
	closed chan struct{}
	down   bool
}

// NewPipeListener returns a listener; inside a bubble, call it there.
func NewPipeListener() *PipeListener {
	return &PipeListener{accept: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects; it fails with ErrRefused after Close and while suspended. Fits stream.Options.Dial
// after dropping network and address.
func (l *PipeListener) Dial(ctx context.Context) (net.Conn, error) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if down {
		return nil, ErrRefused
	}
	client, server := net.Pipe()
	select {
	case l.accept <- server:
		return client, nil
	case <-l.closed:
		return nil, ErrRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// DialContext is Dial with the signature of net.Dialer.DialContext; network and address are ignored.
func (l *PipeListener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return l.Dial(ctx)
}

// Accept implements net.Listener.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *PipeListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "127.0.0.1:0" }

// Addr implements net.Listener.
func (l *PipeListener) Addr() net.Addr { return pipeAddr{} }

// suspend refuses new connections until resume.
func (l *PipeListener) suspend() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	return nil
}

func (l *PipeListener) resume() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
	return nil
}
