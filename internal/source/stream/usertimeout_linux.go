package stream

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setUserTimeout lets the kernel give up on a path that acknowledges nothing (tcp(7)). A kernel that
// refuses is no reason not to connect: the watchdogs do the same job, later.
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
}
