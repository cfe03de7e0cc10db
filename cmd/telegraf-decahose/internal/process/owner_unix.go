//go:build unix

package process

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// caller is who began this process. Its saved ids stay the caller's, so that it can be that again.
var caller = identity{uid: syscall.Geteuid(), gid: syscall.Getegid()}

// identity is a user, as files are made and opened by. Of groups the caller has its own.
type identity struct {
	uid, gid int
	groups   []int
}

// Become makes root take the identity of who owns the directory, or the first one above it that is there: what a command
// makes in it must be its owner's, who could not write it otherwise. Others than root are refused where they could leave
// files of their own there. It is for commands, before their first look at the state.
func Become(dir string) error {
	to, mode, err := ownerOf(dir)
	switch {
	case err != nil || to.uid == caller.uid:
		return errors.Join(caller.take(), unreadable(err))
	case caller.uid == 0:
		return errors.Join(caller.take(), to.take())
	case mode&0o022 != 0 && syscall.Access(dir, 2) == nil:
		return fmt.Errorf("%s belongs to user %d, who could not write what user %d makes in it: run this as user %d, or as root", dir, to.uid, caller.uid, to.uid)
	}
	return nil
}

// unreadable is the error of a directory that cannot be looked at; that it is not there is none.
func unreadable(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// ownerOf is the owner of the directory, or of the first above it that is there.
func ownerOf(dir string) (identity, os.FileMode, error) {
	for {
		info, err := os.Stat(dir)
		if err == nil {
			st := info.Sys().(*syscall.Stat_t)
			return identity{uid: int(st.Uid), gid: int(st.Gid), groups: groupsOf(int(st.Uid), int(st.Gid))}, info.Mode(), nil
		}
		if !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			return identity{}, 0, err
		}
		dir = filepath.Dir(dir)
	}
}

// groupsOf are those of the user, who may read credentials by them; only the directory's where the system has no such user.
func groupsOf(uid, gid int) []int {
	groups := []int{gid}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return groups
	}
	names, _ := u.GroupIds()
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil && n != gid {
			groups = append(groups, n)
		}
	}
	return groups
}

// AsCaller does what the caller is asked for, such as a file of theirs to be written.
func AsCaller(do func() error) error {
	now := identity{uid: syscall.Geteuid(), gid: syscall.Getegid()}
	if now.uid == caller.uid {
		return do()
	}
	now.groups, _ = syscall.Getgroups()
	if err := caller.take(); err != nil {
		return err
	}
	return errors.Join(do(), now.take())
}
