package archive

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/smalldisk"
)

// TestFullDisk fills a small file system while it is written and sealed, and makes room again.
func TestFullDisk(t *testing.T) {
	disk := smalldisk.Mount(t, "4m")
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
		smalldisk.Fill(t, ballast, left)
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
	smalldisk.Fill(t, ballast, 0)
	require.ErrorIs(t, w.SealAll(clock), syscall.ENOSPC)
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, w.Close()) // what is open is in the journal
	w = newWriter(t, dir)
	finish(t, w)
	requireHeld(t, open(t, dir), noon, n)
	left, err := os.ReadDir(filepath.Join(dir, tempDir))
	require.NoError(t, err)
	require.Empty(t, left)
	smalldisk.Fill(t, ballast, 0)
	_, err = NewWriter(filepath.Join(disk, "other"), options(filepath.Join(disk, "other")), clock)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, os.Remove(ballast))
	_, err = w.Retain(context.Background(), Retention{Size: 1}, clock)
	require.NoError(t, err)
}
