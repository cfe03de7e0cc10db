package spool

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/smalldisk"
)

// TestFullDisk fills a small file system, and makes room again.
func TestFullDisk(t *testing.T) {
	disk := smalldisk.Mount(t, "6m")
	dir := filepath.Join(disk, "state")
	s, _ := requireSound(t, dir)
	m := newMaker(1)
	kept := make(map[int64]*Entry)
	put := func(n int) error {
		e := m.entry(n, 540)
		id, err := s.Append(e)
		if err == nil {
			kept[id] = e
		}
		return err
	}
	require.NoError(t, put(100))
	ballast := filepath.Join(disk, "ballast")
	for _, left := range []int64{0, 1, 3, 10, 40} { // pages
		smalldisk.Fill(t, ballast, left)
		var err error
		for range 100 {
			if err = put(400); err != nil {
				break
			}
		}
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrFull)
		require.NotErrorIs(t, err, ErrDamaged)
		require.ErrorContains(t, err, "append to "+filepath.Join(dir, dbName))
		require.Error(t, put(400), left)
		for id, e := range kept {
			got, err := s.Read(id)
			require.NoError(t, err)
			requireEqual(t, e, got)
		}
		after, c := requireSound(t, copied(t, dir))
		require.Len(t, c.Entries, len(kept))
		require.NoError(t, after.Close())
		require.NoError(t, os.Remove(ballast))
		require.NoError(t, put(400), left)
	}
	smalldisk.Fill(t, ballast, 0)
	for id := range kept {
		if err := s.Remove(id); err == nil { // removing may need room too, but never fails for good
			delete(kept, id)
		}
	}
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, s.Close())
	s, c := requireSound(t, dir)
	require.Len(t, c.Entries, len(kept))
	require.NoError(t, s.Close())
	smalldisk.Fill(t, ballast, 0)
	_, _, err := Open(dir, plenty)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, dir)
}

// TestReadOnlyFileSystem takes the right to write away.
func TestReadOnlyFileSystem(t *testing.T) {
	disk := smalldisk.Mount(t, "4m")
	dir := filepath.Join(disk, "state")
	remount := func(flags uintptr) {
		require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|flags, ""))
	}
	for range 2 { // before there is a file, and after
		remount(syscall.MS_RDONLY)
		_, _, err := Open(dir, plenty)
		require.ErrorIs(t, err, syscall.EROFS)
		require.ErrorContains(t, err, dir)
		remount(0)
		s, _ := requireSound(t, dir)
		require.NoError(t, s.Close())
	}
}

// TestNoRoomToRebuild keeps a damaged file as it is until there is room to save it.
func TestNoRoomToRebuild(t *testing.T) {
	disk := smalldisk.Mount(t, "4m")
	dir := filepath.Join(disk, "state")
	s, _ := requireSound(t, dir)
	m := newMaker(1)
	id, err := s.Append(m.entry(500, 540))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	flip(t, filepath.Join(dir, dbName), 0, 1)
	ballast := filepath.Join(disk, "ballast")
	smalldisk.Fill(t, ballast, 20)
	_, _, err = Open(dir, plenty)
	require.Error(t, err)
	require.NoError(t, os.Remove(ballast))
	s, c := mustOpen(t, dir)
	require.Len(t, c.Entries, 1)
	e, err := s.Read(id)
	require.NoError(t, errors.Join(err, s.Close()))
	m.requireWhole(t, e, "saved")
}
