package process

import (
	"fmt"
	"syscall"
)

// take makes it the identity of the process, all its threads; only root may, to go and to come back.
func (id identity) take() error {
	if syscall.Geteuid() == id.uid && syscall.Getegid() == id.gid {
		return nil
	}
	steps := []func() error{
		func() error { return syscall.Setresuid(caller.uid, caller.uid, caller.uid) },
		func() error { return syscall.Setgroups(id.groups) },
		func() error { return syscall.Setresgid(id.gid, id.gid, caller.gid) },
		func() error { return syscall.Setresuid(id.uid, id.uid, caller.uid) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("take the identity of user %d, group %d: %w", id.uid, id.gid, err)
		}
	}
	return nil
}
