//go:build !linux

package stream

import "syscall"

// setUserTimeout does nothing: the platform has no TCP user timeout that could be set portably.
func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }
