package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFullDisk fills a small file system, and makes room again.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	dir := filepath.Join(disk, "state")
	s, _ := mustOpen(t, dir)
	h := newHistory(1)
	m := thisMinute()
	require.NoError(t, s.Commit(h.commit(m, 100)))

	ballast := filepath.Join(disk, "ballast")
	for _, left := range []int64{0, 1, 3, 5, 9} { // pages: ids, log and index of the log fail in turn
		fill(t, ballast, left)
		c := h.commit(m, 3000)
		require.Error(t, s.Commit(c))
		require.Error(t, s.Commit(c))
		copyDir(t, dir, t.TempDir())
		require.NoError(t, os.Remove(ballast))
		require.NoError(t, s.Commit(c))
		ids, err := s.Load(m, nil)
		require.NoError(t, err)
		require.Equal(t, h.all(m), ids)
	}
	require.NoError(t, s.Close())
	past := requireSound(t, dir)
	require.Equal(t, h.latest[key(m, 1)], past.Minutes[0])
	fill(t, ballast, 0)
	_, _, err := Open(dir, Options{Horizon: horizon})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, dir)
}

// fill writes a file until only that many pages are left.
func fill(t *testing.T, path string, left int64) {
	t.Helper()
	var fs syscall.Statfs_t
	require.NoError(t, syscall.Statfs(filepath.Dir(path), &fs))
	n := int64(fs.Bavail) - left
	require.NoError(t, os.WriteFile(path, make([]byte, n*fs.Bsize), fileMode))
}

// TestReadOnlyFileSystem takes the right to write away, and gives it back.
func TestReadOnlyFileSystem(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, _, err := Open(filepath.Join(disk, "state"), Options{})
	require.ErrorIs(t, err, syscall.EROFS)
	require.ErrorContains(t, err, disk)
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, ""))
	s, _ := mustOpen(t, filepath.Join(disk, "state"))
	require.NoError(t, s.Close())
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, _, err = Open(filepath.Join(disk, "state"), Options{})
	require.ErrorIs(t, err, syscall.EROFS)
	require.ErrorContains(t, err, disk)
}
