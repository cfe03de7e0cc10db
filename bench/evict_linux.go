package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// evict drops the files of dir from the page cache, as after a boot. They are synced, or it could not.
func evict(dir string) error {
	return filesIn(dir, func(path string, _ int64) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return fmt.Errorf("evict %s: %w", path, err)
		}
		return nil
	})
}
