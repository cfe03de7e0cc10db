package stream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// addressesMost is how many addresses of one name are tried.
const addressesMost = 16

// dial ignores net/http's context, which outlives the request: a dial that nobody waits for any more
// would hold one of the few connections that X allows.
func (a *attempt) dial(_ context.Context, network, address string) (net.Conn, error) {
	addresses, err := a.addresses(address)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for i, to := range addresses {
		conn, failed := a.dialOne(network, to, a.share(began, len(addresses)-i))
		if failed == nil {
			return a.adopt(conn, to)
		}
		a.memory.failed(to)
		if err = failed; i > 0 {
			err = fmt.Errorf("%w, and %d other addresses of the name failed before", failed, i)
		}
	}
	return nil, err
}

// share is how long one of so many addresses that are left may take, so that none that swallows packets takes the time
// of the others and of what comes after the dial; 0: all that there is.
func (a *attempt) share(began time.Time, left int) time.Duration {
	if a.o.ConnectTimeout == 0 || left == 1 {
		return 0
	}
	return max(time.Millisecond, (a.o.ConnectTimeout-time.Since(began))/time.Duration(left+1))
}

func (a *attempt) dialOne(network, address string, share time.Duration) (net.Conn, error) {
	ctx := a.ctx
	if share > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	if a.o.Dial != nil {
		return a.o.Dial(ctx, network, address)
	}
	return a.dialer().DialContext(ctx, network, address)
}

// addresses are those of X, or of the proxy; the ones that failed last come last.
func (a *attempt) addresses(address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil || a.o.Dial != nil && a.o.Lookup == nil {
		return []string{address}, nil
	}
	lookup := a.o.Lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNetIP
	}
	found, err := lookup(a.ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, ip := range found {
		if ip = ip.Unmap(); a.reaches(ip) {
			all = append(all, net.JoinHostPort(ip.String(), port))
		}
	}
	if len(all) == 0 {
		return nil, &net.DNSError{Err: "no address that the route's local_address can reach", Name: host}
	}
	a.memory.order(all)
	return all[:min(len(all), addressesMost)], nil
}

// reaches reports whether the local address that the route asks for is of the same family.
func (a *attempt) reaches(ip netip.Addr) bool {
	return a.o.LocalAddr == nil || (a.o.LocalAddr.IP.To4() != nil) == ip.Is4()
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

// adopt takes the connection, unless it comes too late.
func (a *attempt) adopt(conn net.Conn, address string) (net.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	a.conn, a.address = conn, address
	a.step.Store(asking)
	if a.proxied.Load() {
		a.step.Store(tunnelling)
	}
	return conn, nil
}
