//go:build !linux

package process

// ClosedStdout cannot be told here.
func ClosedStdout() bool { return false }
