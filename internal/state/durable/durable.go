package durable

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// File makes durable what was written to the file.
func File(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Dir makes the names in the directory durable. Windows has no such thing.
func Dir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(syncable(d.Sync()), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// syncable takes the answer of a file system that has no sync of directories for done: names in them cannot be made
// more durable there (shared folders of virtual machines, old CIFS, some of FUSE).
func syncable(err error) error {
	if cannotSync(err) {
		return nil
	}
	return err
}

func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, errors.ErrUnsupported)
}

// KeepsNames reports whether the file system of the directory can sync it: if not, a file made just before a loss of
// power may be gone after it. Whoever writes there says so once. True where that cannot be told.
func KeepsNames(dir string) bool {
	d, err := os.Open(dir)
	if err != nil {
		return true
	}
	defer d.Close()
	return runtime.GOOS == "windows" || !cannotSync(d.Sync())
}

// Remove deletes files; those that are not there are gone already. One that stays does not keep the others.
func Remove(paths ...string) error {
	var wrong []error
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			wrong = append(wrong, fmt.Errorf("delete: %w", err))
		}
	}
	return errors.Join(wrong...)
}
