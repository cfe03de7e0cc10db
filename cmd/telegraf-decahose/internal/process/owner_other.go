//go:build !unix

package process

// Become does nothing: files have no such owners here.
func Become(string) error { return nil }

// AsCaller does it: the caller is all that this process ever is.
func AsCaller(do func() error) error { return do() }
