package loopback

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
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
var ErrUnseen = errors.New("no process of this host is seen at the other end")

// patience is how long a connection may wait until a process takes it: servers do so at once.
const patience = 2 * time.Second

// Server checks that a connection to this host that we made ends at a process of our own user, of root or of a user
// that is trusted besides. Nothing may be sent before. It waits until a process has the connection: before that it is
// nobody's, and who listens may be another than who takes it. It says nothing of other hosts, and where the platform does
// not tell whose sockets are whose; only Linux does.
func Server(c net.Conn, trusted ...int) error {
	err := check(c, trusted)
	for began := time.Now(); errors.Is(err, ErrUnseen) && time.Since(began) < patience; err = check(c, trusted) {
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

// Client checks the same of a connection from this host that we took.
func Client(c net.Conn, trusted ...int) error { return check(c, trusted) }

func check(c net.Conn, trusted []int) error {
	here, there, ok := ends(c)
	if !ok {
		return nil
	}
	all, err := sockets()
	if err != nil {
		return nil //nolint:nilerr // not told here
	}
	s, ok := find(all, there, here)
	if !ok {
		return ErrUnseen
	}
	return judge(s, there, trusted)
}

// find is the socket with these ends that a process has. One that waits to be accepted, or whose process closed it, is
// nobody's, though it bears the number of root.
func find(all []socket, local, remote netip.AddrPort) (socket, bool) {
	i := slices.IndexFunc(all, func(s socket) bool { return s.inode != 0 && s.local == local && s.remote == remote })
	if i < 0 {
		return socket{}, false
	}
	return all[i], true
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
	user          int
	inode         uint64 // 0: no process has it, and user says nothing
}

func judge(s socket, at netip.AddrPort, trusted []int) error {
	if s.user == 0 || s.user == os.Geteuid() || slices.Contains(trusted, s.user) {
		return nil
	}
	return &Stranger{at.String(), s.user}
}
