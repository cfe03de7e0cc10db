package decasim

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// suspender is a listener that can refuse connections for a while.
type suspender interface {
	suspend() error
	resume() error
}

// gate is a listener that can be shut and opened again, at the same address: an outage refuses
// connections as a dead host does.
type gate struct {
	mu     sync.Mutex
	inner  net.Listener
	addr   net.Addr
	opened chan struct{} // non-nil while shut; closed by resume
	closed bool
}

func newGate(l net.Listener) *gate { return &gate{inner: l, addr: l.Addr()} }

func (g *gate) Addr() net.Addr { return g.addr }

// Accept waits through an outage.
func (g *gate) Accept() (net.Conn, error) {
	for {
		g.mu.Lock()
		inner := g.inner
		g.mu.Unlock()
		c, err := inner.Accept()
		if err == nil {
			return c, nil
		}
		g.mu.Lock()
		wait, closed := g.opened, g.closed
		moved := g.inner != inner
		g.mu.Unlock()
		if closed || wait == nil && !moved {
			return nil, err
		}
		if wait != nil {
			<-wait
		}
	}
}

func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
	if err := g.inner.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close listener: %w", err)
	}
	return nil
}

func (g *gate) suspend() error {
	if s, ok := g.inner.(suspender); ok {
		return s.suspend()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.opened != nil {
		return nil
	}
	g.opened = make(chan struct{})
	return g.inner.Close()
}

func (g *gate) resume() error {
	if s, ok := g.inner.(suspender); ok {
		return s.resume()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.opened == nil {
		return nil
	}
	l, err := net.Listen(g.addr.Network(), g.addr.String())
	if err != nil {
		return fmt.Errorf("listen again: %w", err)
	}
	g.inner = l
	close(g.opened)
	g.opened = nil
	return nil
}
