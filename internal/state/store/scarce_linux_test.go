package store

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/testing/smalldisk"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// TestAScarcityIsNotDamage: with too few descriptors the start fails, or is whole; nothing is set aside or cut.
func TestAScarcityIsNotDamage(t *testing.T) {
	dir, h := aged(t, true, false)
	m := thisMinute() - 1
	failed := 0
	for left := range 14 {
		var s *Store
		var err error
		smalldisk.Descriptors(t, left, func() { s, _, err = Open(dir, Options{Horizon: horizon}) })
		if err != nil {
			failed++
			require.NotErrorIs(t, err, ErrPlace, "it may pass: %v", err)
		} else {
			ids, err := s.Load(m, nil)
			require.NoError(t, err)
			require.Equal(t, h.all(m), ids)
			smalldisk.Descriptors(t, 0, func() { _, err = s.Load(m, nil) })
			require.ErrorIs(t, err, syscall.EMFILE)
			require.NotErrorIs(t, err, ErrDamaged, "they are there")
			require.NoError(t, s.Close())
		}
		require.Empty(t, setAsideIn(t, dir), "%d descriptors", left)
	}
	require.Greater(t, failed, 5)
	requireSound(t, dir)
}

// TestAFileThatCannotBeOpenedWaits: what stands in SQLite's way beside the ledger says nothing of the ledger.
func TestAFileThatCannotBeOpenedWaits(t *testing.T) {
	dir, _ := aged(t, true, true)
	path := filepath.Join(dir, dbName)
	for _, suffix := range []string{sqlfile.LogSuffix, sqlfile.IndexSuffix} {
		_ = os.Remove(path + suffix)
		require.NoError(t, os.Mkdir(path+suffix, dirMode))
		before := must(os.ReadFile(path))
		_, _, err := Open(dir, Options{Horizon: horizon})
		require.Error(t, err)
		require.Equal(t, before, must(os.ReadFile(path)))
		require.Empty(t, setAsideIn(t, dir))
		require.NoError(t, os.Remove(path+suffix))
	}
	requireSound(t, dir)
	require.NoError(t, os.Symlink(path, filepath.Join(dir, backupName+".new")))
	_, _, err := Open(dir, Options{Horizon: horizon})
	require.ErrorIs(t, err, ErrPlace)
	require.ErrorContains(t, err, "symbolic link")
}

// TestOneFileOfIDs: one that cannot be written, or read, holds up neither its hour nor the others; what is in it stays,
// also when it can be had again meanwhile.
func TestOneFileOfIDs(t *testing.T) {
	dir := scratch(t)
	s, _ := mustOpen(t, dir)
	h := newHistory(1)
	m := thisMinute()
	require.NoError(t, s.Commit(h.commit(m, 30)))
	require.NoError(t, s.Close())
	path := hourOf(m).path(dir)
	block := func() {
		require.NoError(t, os.Rename(path, path+".kept"))
		require.NoError(t, os.Symlink(path, path)) // nobody can open it, root neither
	}
	unblock := func() {
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.Rename(path+".kept", path))
	}
	block()
	s, past := mustOpen(t, dir)
	require.NotEmpty(t, past.Notes)
	unblock()
	require.NoError(t, s.Commit(h.commit(m, 20)))
	require.NoError(t, s.Close())
	requireNoProblem(t, dir, m, len(h.all(m)))

	require.NoError(t, os.Remove(hourOf(m).pathOf(dir, 1)))
	h = newHistory(2)
	require.NoError(t, os.Remove(path))
	s, _ = mustOpen(t, dir)
	require.NoError(t, s.Commit(h.commit(m, 30)))
	block()
	require.NoError(t, s.Commit(h.commit(m, 20)))
	require.FileExists(t, hourOf(m).pathOf(dir, 1))
	require.NoError(t, s.Commit(h.commit(m, 10)))
	require.NoError(t, s.Close())
	unblock()

	s, past = mustOpen(t, dir)
	require.Empty(t, past.Notes)
	ids, err := s.Load(m, nil)
	require.NoError(t, err)
	require.Equal(t, h.all(m), ids)
	requireNoProblem(t, dir, m, len(ids))
	require.NoError(t, s.ids.prune(m+1000, 1000))
	require.Empty(t, must(os.ReadDir(filepath.Join(dir, idsDir))))
	require.NoError(t, s.Close())
}

// requireNoProblem wants so many ids of the minute, and nothing wrong.
func requireNoProblem(t *testing.T, dir string, m timeline.Minute, n int) {
	t.Helper()
	r, err := OpenReader(dir)
	require.NoError(t, err)
	sent, err := r.IDs(m)
	require.NoError(t, err)
	require.Len(t, sent, n)
	report, err := r.Verify(nil)
	require.NoError(t, err)
	require.Zero(t, report.Bad, report.Problems)
	require.NoError(t, r.Close())
}

// TestIDsOfAnotherUser: a file of ids that this user may not read ends the start, and stays as it is.
func TestIDsOfAnotherUser(t *testing.T) {
	dir := scratch(t) // below a directory that all may enter
	s, _ := mustOpen(t, dir)
	m := thisMinute()
	require.NoError(t, s.Commit(newHistory(1).commit(m, 30)))
	require.NoError(t, s.Close())
	path := hourOf(m).path(dir)
	before := must(os.ReadFile(path))
	require.NoError(t, os.Chmod(path, 0))
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		require.NoError(t, os.Chmod(dir, 0o755))
		require.NoError(t, os.Chmod(filepath.Join(dir, idsDir), 0o755))
		require.NoError(t, syscall.Setfsuid(65534))
		defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	}
	_, _, err := openIDs(dir)
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, hourOf(m).name())
	if os.Geteuid() == 0 {
		require.NoError(t, syscall.Setfsuid(0))
		require.Equal(t, before, must(os.ReadFile(path)))
	}
}
