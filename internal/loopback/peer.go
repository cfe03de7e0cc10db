package loopback

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
)

// Stranger says that another user's process is at the other end of a connection.
type Stranger struct {
	Address string
	User    int // its number
}

func (s *Stranger) Error() string {
	return fmt.Sprintf("%s belongs to user %d, who is neither this process's own nor root", s.Address, s.User)
}

// ErrUnseen says that the platform tells whose sockets are whose, and does not know the one at the other end.
var ErrUnseen = errors.New("socket at the other end belongs to nobody of this host")

// Server checks that a connection to this host that we made ends at a process of our own user, of root or of a user
// that is trusted besides. Nothing may be sent before. It says nothing of other hosts, and where the platform does not
// tell whose sockets are whose; that is Linux only.
func Server(c net.Conn, trusted ...int) error {
	here, there, ok := ends(c)
	if !ok {
		return nil
	}
	// Who listens comes first: whoever took the connection and went away until we look was there before, and has it.
	listening, err := sockets()
	if err != nil {
		return nil //nolint:nilerr // not told here
	}
	accepted, err := sockets()
	if err != nil {
		return nil //nolint:nilerr // not told here
	}
	return serves(listening, accepted, here, there, trusted)
}

// serves judges who has the other end, or will have it: a socket that waits to be accepted is nobody's, and has the
// number of root.
func serves(listening, accepted []socket, here, there netip.AddrPort, trusted []int) error {
	i := slices.IndexFunc(accepted, func(s socket) bool { return s.local == there && s.remote == here })
	switch {
	case i < 0:
		return ErrUnseen
	case accepted[i].inode != 0:
		return judge(accepted[i], there, trusted)
	}
	for _, s := range listeners(listening, there) { // it waits to be taken by one of them
		if err := judge(s, there, trusted); err != nil {
			return err
		}
	}
	return nil
}

// Client checks the same of a connection from this host that we took.
func Client(c net.Conn, trusted ...int) error {
	here, there, ok := ends(c)
	if !ok {
		return nil
	}
	all, err := sockets()
	if err != nil {
		return nil //nolint:nilerr // not told here
	}
	i := slices.IndexFunc(all, func(s socket) bool { return s.local == there && s.remote == here })
	if i < 0 || all[i].inode == 0 { // its process closed it
		return ErrUnseen
	}
	return judge(all[i], there, trusted)
}

// Told reports whether this platform tells whose sockets are whose.
func Told() bool {
	_, err := sockets()
	return err == nil
}

// ends are the addresses of a connection within this host.
func ends(c net.Conn) (here, there netip.AddrPort, ok bool) {
	local, isTCP := c.LocalAddr().(*net.TCPAddr)
	remote, both := c.RemoteAddr().(*net.TCPAddr)
	if !isTCP || !both {
		return here, there, false
	}
	here, there = plain(local.AddrPort()), plain(remote.AddrPort())
	return here, there, there.Addr().IsLoopback() || here.Addr() == there.Addr()
}

func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// socket is one of TCP, as the kernel tells of it.
type socket struct {
	local, remote netip.AddrPort
	listens       bool
	user          int
	inode         uint64 // 0: no process has it, and user says nothing
}

// listeners are those that get what is sent to an address: the closest to it.
func listeners(all []socket, to netip.AddrPort) (found []socket) {
	for _, at := range []netip.Addr{to.Addr(), unspecified(to.Addr()), netip.IPv6Unspecified()} {
		for _, s := range all {
			if s.listens && s.local == netip.AddrPortFrom(at, to.Port()) {
				found = append(found, s)
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func judge(s socket, at netip.AddrPort, trusted []int) error {
	if s.user == 0 || s.user == os.Geteuid() || slices.Contains(trusted, s.user) {
		return nil
	}
	return &Stranger{at.String(), s.user}
}
