package option

import "golang.org/x/sys/unix"

// writable reports whether this process may create files in the directory.
func writable(dir string) bool {
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil
}
