//go:build unix && !linux

package process

import (
	"fmt"
	"syscall"
)

// take makes it the effective identity of the process; only root may, to go and to come back.
func (id identity) take() error {
	if syscall.Geteuid() == id.uid && syscall.Getegid() == id.gid {
		return nil
	}
	for _, step := range []func() error{
		func() error { return syscall.Seteuid(caller.uid) },
		func() error { return syscall.Setegid(id.gid) },
		func() error { return syscall.Seteuid(id.uid) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("take the identity of user %d, group %d: %w", id.uid, id.gid, err)
		}
	}
	return nil
}
