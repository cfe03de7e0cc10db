// Package durable makes files, and names in directories, survive a loss of power.
package durable

import (
	"errors"
	"fmt"
	"os"
	"runtime"
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
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// Remove deletes files; those that are not there are gone already.
func Remove(paths ...string) error {
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("delete: %w", err)
		}
	}
	return nil
}
