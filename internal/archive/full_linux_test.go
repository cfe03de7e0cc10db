package archive

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// small mounts a file system of that size.
func small(t *testing.T, size string) (disk string) {
	t.Helper()
	disk = t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	return disk
}

// fill writes a file until only that many pages are left.
func fill(t *testing.T, path string, left int64) {
	t.Helper()
	var disk syscall.Statfs_t
	require.NoError(t, syscall.Statfs(filepath.Dir(path), &disk))
	n := max(int64(disk.Bavail)-left, 0)
	require.NoError(t, os.WriteFile(path, make([]byte, n*disk.Bsize), fileMode))
}

// TestFullDisk fills a small file system while it is written and sealed, and makes room again.
func TestFullDisk(t *testing.T) {
	disk := small(t, "4m")
	dir := filepath.Join(disk, "archive")
	w := newWriter(t, dir)
	ballast := filepath.Join(disk, "ballast")
	n := 0
	put := func() error {
		err := w.Write(batchOf(t, noon, n, n+50), clock)
		if err == nil {
			n += 50
		}
		return err
	}
	require.NoError(t, put())
	for _, left := range []int64{0, 1, 3, 10, 40} { // pages
		fill(t, ballast, left)
		var err error
		for range 100 {
			if err = put(); err != nil {
				break
			}
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorIs(t, put(), syscall.ENOSPC)
		_ = w.SealAll(clock) // the last page may be enough for it
		require.NoError(t, os.Remove(ballast))
		require.NoError(t, put())
	}
	fill(t, ballast, 0)
	require.ErrorIs(t, w.SealAll(clock), syscall.ENOSPC)
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, w.Close()) // what is open is in the journal
	w = newWriter(t, dir)
	finish(t, w)
	requireHeld(t, open(t, dir), noon, n)
	left, err := os.ReadDir(filepath.Join(dir, tempDir))
	require.NoError(t, err)
	require.Empty(t, left)
	fill(t, ballast, 0)
	_, err = NewWriter(filepath.Join(disk, "other"), options(filepath.Join(disk, "other")), clock)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, os.Remove(ballast))
	_, err = w.Retain(context.Background(), Retention{Size: 1}, clock)
	require.NoError(t, err)
}
