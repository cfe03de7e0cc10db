package spool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// aged is a spool of many entries, of which some were removed, and a quarantine. closed says that the log was put into
// the file.
func aged(t *testing.T, closed bool) (dir string, m *maker, whole map[int64][]ledger.Sent) {
	t.Helper()
	dir = scratch(t)
	s, _ := requireSound(t, dir)
	m = newMaker(3)
	whole = make(map[int64][]ledger.Sent)
	for i := range 40 {
		e := m.entry(1+m.rng.IntN(60), 300)
		id, err := s.Append(e)
		require.NoError(t, err)
		whole[id] = sentIn(e)
		if i%5 == 4 {
			require.NoError(t, s.Remove(id-2))
			delete(whole, id-2)
			require.NoError(t, s.Refuse(e.Tweets[0].Sent, e.Lines, "why"))
		}
	}
	left := copied(t, dir)
	require.NoError(t, s.Close())
	if closed {
		return dir, m, whole
	}
	return left, m, whole
}

// requireTrue opens a damaged spool. What it returns must be as it was given, what it does not must be told, and it must
// work on.
func requireTrue(t *testing.T, dir string, m *maker, whole map[int64][]ledger.Sent, what string) *Contents {
	t.Helper()
	s, c, err := Open(dir, plenty)
	require.NoError(t, err, what)
	missing := make(map[ledger.Sent]bool)
	for _, sent := range whole {
		for _, one := range sent {
			missing[one] = true
		}
	}
	there := make(map[ledger.Sent]bool)
	newest := int64(0)
	for i := range c.Entries {
		e, err := s.Read(c.Entries[i].ID)
		require.NoError(t, err, what)
		require.Equal(t, c.Entries[i].Tweets, e.Tweets, what)
		for _, one := range m.requireWhole(t, e, what) {
			require.False(t, there[one], "%s: %v is there twice", what, one)
			require.True(t, missing[one] || len(c.Notes) > 0, "%s: %v was removed", what, one) // a lost log is one of removals too
			there[one] = true
			delete(missing, one)
		}
		require.Greater(t, e.ID, newest, what)
		newest = e.ID
	}
	for _, one := range c.Lost {
		require.True(t, missing[one], "%s: %v is not lost", what, one)
		delete(missing, one)
	}
	if len(missing)+len(c.Lost) > 0 {
		require.NotEmpty(t, c.Notes, "%s: %d are missing and nothing is told", what, len(missing))
	}
	for _, one := range c.Refused {
		require.Contains(t, m.lines, one, what)
	}
	requireUsable(t, s, dir, c, newest, what)
	return c
}

func requireUsable(t *testing.T, s *Spool, dir string, c *Contents, newest int64, what string) {
	t.Helper()
	e := newMaker(9).entry(3, 300)
	id, err := s.Append(e)
	require.NoError(t, err, what)
	require.Greater(t, id, newest, what)
	require.NoError(t, s.Refuse(e.Tweets[0].Sent, e.Lines, "why"), what)
	require.NoError(t, s.Close(), what)
	s, again := mustOpen(t, dir)
	require.Empty(t, again.Notes, what)
	require.Equal(t, c.Lost, again.Lost, what)
	require.Len(t, again.Entries, len(c.Entries)+1, what)
	require.NoError(t, s.ForgetLost())
	got, err := s.Read(id)
	require.NoError(t, err, what)
	requireEqual(t, e, got)
	require.NoError(t, s.Close())
	s, again = requireSound(t, dir)
	require.Len(t, again.Entries, len(c.Entries)+1, what)
	require.NoError(t, s.Close())
}

// fewer is by how much -short, which the race detector is run with, has fewer places damaged.
func fewer(short int) int {
	if testing.Short() {
		return short
	}
	return 1
}

func TestTruncated(t *testing.T) {
	for _, closed := range []bool{true, false} {
		dir, m, whole := aged(t, closed)
		size := fileSize(t, filepath.Join(dir, dbName))
		require.Equal(t, closed, size > 30*pageSize)
		for at := int64(0); at < size; at += max(pageSize, size*int64(fewer(4))/20/pageSize*pageSize) {
			for _, at := range []int64{at, at + 1 + at%(pageSize-1)} {
				one := copied(t, dir)
				require.NoError(t, os.Truncate(filepath.Join(one, dbName), at))
				requireTrue(t, one, m, whole, fmt.Sprintf("cut at %d", at))
				require.NoError(t, os.RemoveAll(one))
			}
		}
	}
}

func TestATruncatedEndCostsItsEntriesOnly(t *testing.T) {
	dir, m, whole := aged(t, true)
	path := filepath.Join(dir, dbName)
	require.NoError(t, os.Truncate(path, fileSize(t, path)-4*pageSize))
	c := requireTrue(t, dir, m, whole, "end")
	require.Greater(t, len(c.Entries), len(whole)/2)
	require.Len(t, c.Refused, 8)
}

func TestATruncatedLogIsACrash(t *testing.T) {
	dir, m, whole := aged(t, false)
	size := fileSize(t, filepath.Join(dir, logName))
	for at := int64(0); at < size; at += size * int64(fewer(10)) / 50 {
		one := copied(t, dir)
		require.NoError(t, os.Truncate(filepath.Join(one, logName), at))
		s, c, err := Open(one, plenty)
		require.NoError(t, err)
		require.Empty(t, c.Lost)
		for i := range c.Entries {
			e, err := s.Read(c.Entries[i].ID)
			require.NoError(t, err)
			m.requireWhole(t, e, "entry")
		}
		require.LessOrEqual(t, len(c.Entries), len(whole)+1)
		require.NoError(t, s.Close())
	}
}

func flip(t testing.TB, path string, at int64, bits byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	require.NoError(t, err)
	b[0] ^= bits
	_, err = f.WriteAt(b, at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestFlippedBits(t *testing.T) {
	for name, closed := range map[string]bool{dbName: true, logName: false} {
		t.Run(name, func(t *testing.T) {
			dir, m, whole := aged(t, closed)
			rng := rand.New(rand.NewPCG(5, 5))
			size := fileSize(t, filepath.Join(dir, name))
			for i := range 60 / fewer(5) {
				one := copied(t, dir)
				at := rng.Int64N(size)
				switch i % 4 {
				case 0:
					at = rng.Int64N(6 * pageSize) // roots
				case 1:
					at = at/pageSize*pageSize + rng.Int64N(16) // heads of pages
				case 2:
					at = rng.Int64N(sqlfile.HeaderLen)
				}
				flip(t, filepath.Join(one, name), at, 1<<rng.IntN(8))
				c := requireTrue(t, one, m, whole, fmt.Sprintf("flip %d at %d", i, at))
				if closed && at > 6*pageSize { // beyond the roots it is one page's
					require.GreaterOrEqual(t, len(c.Entries), len(whole)-8, at)
				}
				require.NoError(t, os.RemoveAll(one))
			}
		})
	}
}

// TestNoBitOfTheFirstPageHidesEntries: it is made anew.
func TestNoBitOfTheFirstPageHidesEntries(t *testing.T) {
	dir, m, whole := aged(t, true)
	for at := int64(0); at < pageSize; at += int64(fewer(10)) * (1 + at/sqlfile.HeaderLen*60) {
		one := copied(t, dir)
		flip(t, filepath.Join(one, dbName), at, 1<<(at%8))
		c := requireTrue(t, one, m, whole, fmt.Sprintf("byte %d", at))
		require.Len(t, c.Entries, len(whole), at)
		require.NoError(t, os.RemoveAll(one))
	}
}

// TestAKeyThatIsNone: with a bit of its schema flipped, the key of a table is a column like others, and NULL in every row.
func TestAKeyThatIsNone(t *testing.T) {
	dir, m, whole := aged(t, true)
	page, err := os.ReadFile(filepath.Join(dir, dbName))
	require.NoError(t, err)
	for _, table := range []string{"entries", "lines"} {
		at := bytes.Index(page[:pageSize], []byte("CREATE TABLE "+table+" "))
		require.Positive(t, at)
		at += bytes.Index(page[at:], []byte("PRIMARY KEY"))
		for i := 0; i < len("PRIMARY"); i += fewer(3) {
			one := copied(t, dir)
			flip(t, filepath.Join(one, dbName), int64(at+i), 4)
			c := requireTrue(t, one, m, whole, fmt.Sprintf("%s, byte %d", table, i))
			require.Len(t, c.Entries, len(whole), i)
			require.NotEmpty(t, c.Notes, i)
			require.NoError(t, os.RemoveAll(one))
		}
	}
}

func TestLinesLost(t *testing.T) {
	dir, m, whole := aged(t, true)
	s, _ := requireSound(t, dir)
	var page int64
	require.NoError(t, s.db.QueryRow("SELECT pageno FROM dbstat WHERE name = 'lines' AND pagetype = 'overflow' ORDER BY pageno LIMIT 1 OFFSET 20").Scan(&page))
	require.NoError(t, s.Close())
	flip(t, filepath.Join(dir, dbName), (page-1)*pageSize+1000, 0xff)
	c := requireTrue(t, dir, m, whole, "lines")
	require.Len(t, c.Entries, len(whole)-1)
	for _, sent := range whole {
		if sent[0] == c.Lost[0] {
			require.Equal(t, sent, c.Lost)
			return
		}
	}
	t.Fatal("what is lost was never there")
}

func TestALostManifestIsTold(t *testing.T) {
	dir, m, whole := aged(t, true)
	s, _ := requireSound(t, dir)
	_, err := s.db.Exec("UPDATE entries SET at_ns = at_ns + 1 WHERE id = 10")
	require.NoError(t, err)
	_, err = s.Read(10)
	require.ErrorIs(t, err, ErrDamaged)
	require.NoError(t, s.Close())
	c := requireTrue(t, dir, m, whole, "manifest")
	require.Len(t, c.Entries, len(whole)-1)
	require.Contains(t, c.Notes, "entries: 1 cannot be read")
}

func TestDamageWhileRunning(t *testing.T) {
	dir, m, whole := aged(t, true)
	s, _ := requireSound(t, dir)
	var page int64
	require.NoError(t, s.db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = 'lines'").Scan(&page))
	require.NoError(t, s.Close())
	s, _ = requireSound(t, dir)
	flip(t, filepath.Join(dir, dbName), (page-1)*pageSize, 0xff)
	_, err := s.Read(1)
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorContains(t, err, dir)
	require.NoError(t, s.Close())
	requireTrue(t, dir, m, whole, "root")
}

func TestDamageOfAnOlderVersion(t *testing.T) {
	dir, _, whole := aged(t, true)
	flip(t, filepath.Join(dir, dbName), 0, 1)
	s, c, err := open(dir, plenty, []migration{version1, second})
	require.NoError(t, err)
	require.NotEmpty(t, c.Notes)
	require.Len(t, c.Entries, len(whole))
	require.Len(t, c.Refused, 8)
	_, err = s.db.Exec("INSERT INTO more VALUES (1)")
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// TestAnInsaneSequence would leave no number for the next entry.
func TestAnInsaneSequence(t *testing.T) {
	dir, m, whole := aged(t, true)
	s, _ := requireSound(t, dir)
	_, err := s.db.Exec("UPDATE sqlite_sequence SET seq = 9223372036854775807")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	c := requireTrue(t, dir, m, whole, "sequence")
	require.Len(t, c.Entries, len(whole))
}

func TestAnUnfinishedReplacementIsTakenOrLeft(t *testing.T) {
	dir, _, whole := aged(t, true)
	path, fresh := filepath.Join(dir, dbName), filepath.Join(dir, freshName)
	require.NoError(t, os.WriteFile(fresh, []byte("half"), fileMode))
	s, c := requireSound(t, dir)
	require.Len(t, c.Entries, len(whole))
	require.NoFileExists(t, fresh)
	require.NoError(t, s.Close())
	require.NoError(t, os.Rename(path, fresh))
	require.NoError(t, os.WriteFile(path+sqlfile.LogSuffix, []byte("of the old one"), fileMode))
	s, c = requireSound(t, dir)
	require.Len(t, c.Entries, len(whole))
	require.NoError(t, s.Close())
}

// TestDamagedFilesAreKeptByAge: old ones go, and those beyond the limit; the newest stays.
func TestDamagedFilesAreKeptByAge(t *testing.T) {
	dir := scratch(t)
	path := filepath.Join(dir, dbName)
	now := time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	put := func(age time.Duration, size int) {
		require.NoError(t, os.WriteFile(path, make([]byte, size), fileMode))
		require.NoError(t, os.WriteFile(path+sqlfile.LogSuffix, nil, fileMode))
		require.NoError(t, sqlfile.SetAside(path, filepath.Join(dir, damagedName), now.Add(-age)))
	}
	for day := range 6 {
		put(time.Duration(10+day)*24*time.Hour, 10)
	}
	require.NoError(t, dropDamaged(dir, 100, now))
	require.Len(t, readFiles(t, dir), 2*5, "those of fourteen days")
	put(time.Hour, 95)
	require.NoError(t, dropDamaged(dir, 100, now))
	require.Len(t, readFiles(t, dir), 2)
	require.NoError(t, dropDamaged(dir, 1, now))
	require.Len(t, readFiles(t, dir), 2)
	require.NoError(t, dropDamaged(dir, 100, now.Add(20*24*time.Hour)))
	require.Empty(t, readFiles(t, dir))
}

func TestAFlippedVersionIsNotANewerOne(t *testing.T) {
	dir, m, whole := aged(t, true)
	for at := int64(sqlfile.UserVersionAt); at < sqlfile.ApplicationAt+4; at++ {
		one := copied(t, dir)
		flip(t, filepath.Join(one, dbName), at, 4)
		require.Len(t, requireTrue(t, one, m, whole, "version").Entries, len(whole))
	}
	page := make([]byte, sqlfile.HeaderLen)
	binary.BigEndian.PutUint32(page[sqlfile.UserVersionAt:], 7)
	require.Equal(t, 0, sqlfile.Version(page, application))
	binary.BigEndian.PutUint32(page[sqlfile.ApplicationAt:], application|7)
	require.Equal(t, 7, sqlfile.Version(page, application))
}
