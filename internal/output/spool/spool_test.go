package spool

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

func TestWhatIsAppendedIsThere(t *testing.T) {
	dir := filepath.Join(scratch(t), "state")
	s, c := requireSound(t, dir)
	require.Empty(t, c.Entries)
	m := newMaker(1)
	var all []*Entry
	for i, n := range []int{1, 0, 500, 7, 2000} {
		e := m.entry(n, 100*(i+1))
		id, err := s.Append(e)
		require.NoError(t, err)
		require.EqualValues(t, i+1, id)
		all = append(all, e)
		got, err := s.Read(id)
		require.NoError(t, err)
		require.Equal(t, id, got.ID)
		requireEqual(t, e, got)
	}
	require.NoError(t, s.Remove(2, 4, 99))
	require.NoError(t, s.Remove())
	require.NoError(t, s.Close())

	s, c = requireSound(t, dir)
	require.Len(t, c.Entries, 3)
	for i, id := range []int64{1, 3, 5} {
		require.Equal(t, id, c.Entries[i].ID)
		require.Nil(t, c.Entries[i].Lines)
		require.Equal(t, all[id-1].Tweets, c.Entries[i].Tweets)
		got, err := s.Read(id)
		require.NoError(t, err)
		requireEqual(t, all[id-1], got)
	}
	_, err := s.Read(2)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, s.Remove(1, 3, 5))
	require.NoError(t, s.Close())

	s, c = requireSound(t, dir)
	require.Empty(t, c.Entries)
	id, err := s.Append(m.entry(1, 100))
	require.NoError(t, err)
	require.EqualValues(t, 6, id, "numbers are never used again")
	require.NoError(t, s.Close())
	_, err = s.Append(m.entry(1, 100))
	require.Error(t, err)
}

func TestFilesAreTheOwners(t *testing.T) {
	dir := filepath.Join(scratch(t), "state")
	s, _ := requireSound(t, dir)
	_, err := s.Append(newMaker(1).entry(1, 100))
	require.NoError(t, err)
	for _, name := range []string{dbName, logName, dbName + sqlfile.IndexSuffix} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(fileMode), info.Mode().Perm(), name)
	}
	require.NoError(t, s.Close())
}

func TestReplace(t *testing.T) {
	dir := scratch(t)
	s, _ := requireSound(t, dir)
	m := newMaker(1)
	whole, a, b := m.entry(10, 100), m.entry(4, 100), m.entry(5, 100)
	first, err := s.Append(whole)
	require.NoError(t, err)
	ids, err := s.Replace(first, a, b)
	require.NoError(t, err)
	require.Equal(t, []int64{2, 3}, ids)
	_, err = s.Read(first)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Replace(first, a)
	require.ErrorIs(t, err, fs.ErrNotExist)
	ids, err = s.Replace(2)
	require.NoError(t, err)
	require.Empty(t, ids)
	require.NoError(t, s.Close())
	s, c := requireSound(t, dir)
	require.Len(t, c.Entries, 1)
	got, err := s.Read(3)
	require.NoError(t, err)
	requireEqual(t, b, got)
	require.NoError(t, s.Close())
}

func TestQuarantine(t *testing.T) {
	dir := scratch(t)
	s, _ := requireSound(t, dir)
	s.most = 100
	at := time.Unix(1_700_000_000, 0)
	s.now = func() time.Time { at = at.Add(time.Second); return at }
	for i := range 250 {
		// newer Tweets first: what counts is when they were refused
		require.NoError(t, s.Refuse(ledger.Sent{ID: snowflake.ID(1000 - i), Partition: 2}, []byte("line"), strings.Repeat("why", 999)+"\nmore"))
	}
	require.NoError(t, s.Refuse(ledger.Sent{ID: 751, Partition: 1}, nil, ""))
	var why string
	require.NoError(t, s.db.QueryRow("SELECT why FROM refused WHERE id = 752").Scan(&why))
	require.Len(t, why, maxWhy)
	require.NoError(t, s.Close())

	s, c := requireSound(t, dir)
	require.LessOrEqual(t, len(c.Refused), 100)
	require.Greater(t, len(c.Refused), 88)
	require.Equal(t, ledger.Sent{ID: 751, Partition: 1}, c.Refused[len(c.Refused)-1])
	require.Equal(t, ledger.Sent{ID: 752, Partition: 2}, c.Refused[len(c.Refused)-2])
	require.NoError(t, s.Close())
}

func TestLimit(t *testing.T) {
	dir := scratch(t)
	const limit = 3 << 20
	s, _, err := Open(dir, limit)
	require.NoError(t, err)
	m := newMaker(1)
	var ids []int64
	fill := func() {
		for {
			before := s.Bytes()
			id, err := s.Append(m.entry(100, 540))
			if errors.Is(err, ErrFull) {
				require.Equal(t, before, s.Bytes())
				return
			}
			require.NoError(t, err)
			require.LessOrEqual(t, s.Bytes(), int64(limit))
			ids = append(ids, id)
		}
	}
	fill()
	full := len(ids)
	require.Greater(t, s.Bytes(), int64(limit)*9/10)
	for range 20 { // in and out, not in order
		require.NoError(t, s.Remove(ids[1], ids[5], ids[7]))
		ids = slices.Concat(ids[:1], ids[2:5], ids[6:7], ids[8:])
		fill()
	}
	require.InDelta(t, full, len(ids), 2)
	parts, err := s.Replace(ids[0], m.entry(50, 540), m.entry(49, 540))
	require.NoError(t, err, "what is there already does not count against the limit")
	require.Len(t, parts, 2)
	require.NoError(t, s.Close())
	require.LessOrEqual(t, fileSize(t, filepath.Join(dir, dbName)), int64(limit)+8*pageSize)

	s, c, err := Open(dir, limit/2)
	require.NoError(t, err)
	require.Len(t, c.Entries, len(ids)+1)
	_, err = s.Append(m.entry(1, 10))
	require.ErrorIs(t, err, ErrFull)
	require.NoError(t, s.Close())
}

func TestTheFileShrinks(t *testing.T) {
	dir := scratch(t)
	s, _ := requireSound(t, dir)
	m := newMaker(1)
	e := m.entry(500, 540)
	var ids []int64
	for range 200 {
		id, err := s.Append(e)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	require.Greater(t, s.Bytes(), int64(200*len(e.Lines)))
	for i, id := range ids {
		if i%50 != 7 {
			require.NoError(t, s.Remove(id))
		}
	}
	require.NoError(t, s.Close())
	require.Less(t, fileSize(t, filepath.Join(dir, dbName)), int64(3*keepFree))
	s, c := requireSound(t, dir)
	require.Len(t, c.Entries, 4)
	for i := range c.Entries {
		got, err := s.Read(c.Entries[i].ID)
		require.NoError(t, err)
		m.requireWhole(t, got, "moved")
	}
	require.NoError(t, s.Close())
}

func TestCallsAtOnce(t *testing.T) {
	dir := scratch(t)
	s, _ := requireSound(t, dir)
	m := newMaker(1)
	e := m.entry(50, 540)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 50 {
				id, err := s.Append(e)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := s.Read(id)
				if err != nil || !bytes.Equal(got.Lines, e.Lines) {
					t.Errorf("entry %d differs: %v", id, err)
				}
				if i%5 != 0 {
					err = s.Remove(id)
				} else {
					err = s.Refuse(e.Tweets[i].Sent, nil, "")
				}
				if err != nil {
					t.Error(err)
				}
				_ = s.Bytes()
			}
		})
	}
	wg.Wait()
	require.NoError(t, s.Close())
	s, c := requireSound(t, dir)
	require.Len(t, c.Entries, 40)
	require.Len(t, c.Refused, 10)
	require.NoError(t, s.Close())
}

func TestOwnContradictionsPanic(t *testing.T) {
	s, _ := requireSound(t, scratch(t))
	for _, e := range []*Entry{
		{Lines: []byte("a")},
		{Tweets: []Tweet{{End: 2}}, Lines: []byte("a")},
		{Tweets: []Tweet{{End: 2}, {End: 1}}, Lines: []byte("a")},
	} {
		require.Panics(t, func() { _, _ = s.Append(e) })
	}
	_, err := s.Append(newMaker(1).entry(2, 10))
	require.NoError(t, err, "the connection was given back")
	require.NoError(t, s.Close())
}

func TestAFileTakenAway(t *testing.T) {
	dir := scratch(t)
	s, _ := requireSound(t, dir)
	require.NoError(t, os.Rename(filepath.Join(dir, dbName), filepath.Join(dir, "elsewhere")))
	_, err := s.Append(newMaker(1).entry(2, 10))
	require.ErrorContains(t, err, filepath.Join(dir, dbName))
	require.NoError(t, s.Close())
}

func TestNoWayToWrite(t *testing.T) {
	base := scratch(t)
	path := filepath.Join(base, "file")
	require.NoError(t, os.WriteFile(path, nil, fileMode))
	_, _, err := Open(path, plenty)
	require.ErrorContains(t, err, path)
	dir := filepath.Join(base, "dir")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, dbName), dirMode))
	_, _, err = Open(dir, plenty)
	require.ErrorContains(t, err, dir)
}

// second is a migration that exists for tests.
func second(tx *sql.Tx) error {
	_, err := tx.Exec("CREATE TABLE more (id INTEGER PRIMARY KEY)")
	return err
}

func TestMigration(t *testing.T) {
	dir := scratch(t)
	s, _ := requireSound(t, dir)
	m := newMaker(1)
	_, err := s.Append(m.entry(100, 540))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	old := copied(t, dir)

	s, c, err := open(dir, plenty, []migration{version1, second})
	require.NoError(t, err)
	require.Empty(t, c.Notes)
	require.Len(t, c.Entries, 1)
	_, err = s.db.Exec("INSERT INTO more VALUES (1)")
	require.NoError(t, err)
	left := copied(t, dir) // the log not yet in the file
	require.NoError(t, s.Close())
	for name, dir := range map[string]string{"closed": dir, "killed": left} {
		before := readFiles(t, dir)
		_, _, err := Open(dir, plenty)
		require.ErrorIs(t, err, ErrNewer, name)
		require.ErrorContains(t, err, dir)
		require.Equal(t, before, readFiles(t, dir), name)
	}

	_, _, err = open(old, plenty, []migration{version1, func(tx *sql.Tx) error {
		return errors.Join(second(tx), tx.QueryRow("SELECT no").Scan())
	}})
	require.Error(t, err, "a migration that fails")
	s, c = requireSound(t, old)
	require.Len(t, c.Entries, 1)
	require.NoError(t, s.Close())
}
