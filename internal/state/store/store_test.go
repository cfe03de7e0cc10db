package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestAFirstStart(t *testing.T) {
	s, past := mustOpen(t, filepath.Join(t.TempDir(), "a", "b c?%#"))
	require.Equal(t, &ledger.Past{IDs: map[timeline.Minute]map[int]int{}}, past)
	require.NoError(t, s.Close())
}

func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, _ := mustOpen(t, dir)
	h := newHistory(1)
	m := thisMinute()
	var last *ledger.Commit
	for i := range timeline.Minute(3) {
		require.NoError(t, s.Commit(h.commit(m-2+i, 40)))
		last = h.commit(m-2+i, 40)
		last.Clean = i == 2
		require.NoError(t, s.Commit(last))
	}
	require.Positive(t, s.Bytes())
	check := func(s *Store) {
		for i := range timeline.Minute(3) {
			ids, err := s.Load(m-2+i, nil)
			require.NoError(t, err)
			require.Equal(t, h.all(m-2+i), ids)
		}
	}
	check(s)
	require.NoError(t, s.Close())

	s, past := mustOpen(t, dir)
	check(s)
	require.Empty(t, past.Notes)
	require.True(t, past.Known)
	require.True(t, past.Clean)
	require.Len(t, past.Minutes, 6)
	for _, r := range past.Minutes {
		require.Equal(t, h.latest[key(r.Minute, r.Partition)], r)
		require.Equal(t, 80, past.IDs[r.Minute][r.Partition])
	}
	require.Equal(t, last.Partitions, past.Partitions)
	require.Equal(t, last.Connects, past.Connects)
	require.Equal(t, last.Moment, past.Moment)
	require.Equal(t, last.Gaps[0], past.Gaps[2])
	require.Len(t, past.Requests, 6)
	require.NoError(t, s.Close())
	requireModes(t, dir)
}

func requireModes(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		want := os.FileMode(fileMode)
		if e.IsDir() {
			want = dirMode
		}
		require.Equal(t, want, info.Mode().Perm(), path)
		return nil
	}))
}

func TestEveryCommitIsDurable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, _ := mustOpen(t, dir)
	h := newHistory(2)
	m := thisMinute()
	for i := range 12 {
		c := h.commit(m-timeline.Minute(i%3), 20)
		require.NoError(t, s.Commit(c))
		copied := t.TempDir()
		copyDir(t, dir, copied)
		requireModes(t, dir)
		again, past := mustOpen(t, copied)
		require.Empty(t, past.Notes)
		require.False(t, past.Clean)
		for _, r := range past.Minutes {
			require.Equal(t, h.latest[key(r.Minute, r.Partition)], r)
		}
		require.Equal(t, c.Moment, past.Moment)
		for m := range h.ids {
			ids, err := again.Load(m, nil)
			require.NoError(t, err)
			require.Equal(t, h.all(m), ids)
		}
		require.NoError(t, again.Close())
	}
	require.NoError(t, s.Close())
}

func TestTheDirectoryHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	_, _, err := Open(dir, Options{})
	require.ErrorIs(t, err, ErrLocked)
	require.Equal(t, "state directory "+dir+": is in use by another process", err.Error())
	require.NoError(t, s.Close())
	s, _ = mustOpen(t, dir)
	require.NoError(t, s.Close())
}

// TestLedgerTakenAway: what is written to a file that nobody will find is not durable.
func TestLedgerTakenAway(t *testing.T) {
	dir := t.TempDir()
	s, _, err := Open(dir, Options{Horizon: time.Hour})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Commit(&ledger.Commit{Seq: 1}))
	require.NoError(t, os.Rename(filepath.Join(dir, dbName), filepath.Join(dir, "elsewhere")))
	require.ErrorContains(t, s.Commit(&ledger.Commit{Seq: 2}), "a new start makes a new one")
	require.NoError(t, os.Rename(filepath.Join(dir, "elsewhere"), filepath.Join(dir, dbName)))
	require.NoError(t, s.Commit(&ledger.Commit{Seq: 2}))
}
