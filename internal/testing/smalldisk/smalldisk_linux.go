package smalldisk

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Mount makes a file system of that size, such as "4m". Without the right to mount, the test is skipped.
func Mount(t *testing.T, size string) (disk string) {
	t.Helper()
	disk = t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	return disk
}

// Fill writes a file until only that many pages are left.
func Fill(t *testing.T, path string, left int64) {
	t.Helper()
	var disk syscall.Statfs_t
	require.NoError(t, syscall.Statfs(filepath.Dir(path), &disk))
	n := max(int64(disk.Bavail)-left, 0)
	require.NoError(t, os.WriteFile(path, make([]byte, n*disk.Bsize), 0o600))
}
