package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/smalldisk"
)

// TestFullDisk fills a small file system, and makes room again.
func TestFullDisk(t *testing.T) {
	disk := smalldisk.Mount(t, "2m")
	dir := filepath.Join(disk, "state")
	s, _ := mustOpen(t, dir)
	h := newHistory(1)
	m := thisMinute()
	require.NoError(t, s.Commit(h.commit(m, 100)))

	ballast := filepath.Join(disk, "ballast")
	for _, left := range []int64{0, 1, 3, 5, 9} { // pages: ids, log and index of the log fail in turn
		smalldisk.Fill(t, ballast, left)
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
	smalldisk.Fill(t, ballast, 0)
	_, _, err := Open(dir, Options{Horizon: horizon})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, dir)
}

// TestReadOnlyFileSystem takes the right to write away, and gives it back.
func TestReadOnlyFileSystem(t *testing.T) {
	disk := smalldisk.Mount(t, "4m")
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
