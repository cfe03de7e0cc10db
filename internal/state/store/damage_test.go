package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const agedMinutes = 120

// aged fills a directory with hours of minutes, so that the tables have several pages. With backup it has one of the
// first half; closed says that the log was put into the ledger.
func aged(t *testing.T, backup, closed bool) (dir string, h *history) {
	t.Helper()
	dir = filepath.Join(scratch(t), "state")
	s, _ := mustOpen(t, dir)
	h = newHistory(3)
	m := thisMinute() - agedMinutes
	for i := range timeline.Minute(agedMinutes) {
		require.NoError(t, s.Commit(h.commit(m+i, 3)))
		if i == agedMinutes/2 && backup {
			require.NoError(t, s.backup())
		}
	}
	if closed {
		require.NoError(t, s.Close())
		return dir, h
	}
	left := filepath.Join(scratch(t), "left")
	copyDir(t, dir, left)
	require.NoError(t, s.Close())
	return left, h
}

// requireTrue opens a damaged directory and checks that all it says was once committed, and that it works on.
func requireTrue(t *testing.T, dir string, h *history, what string) *ledger.Past {
	t.Helper()
	s, past, err := Open(dir, Options{Horizon: horizon})
	require.NoError(t, err, what)
	told := *past
	if len(past.Notes) > 0 {
		told.Partitions = nil // may be derived
	}
	for _, row := range rowsIn(&told) {
		require.True(t, h.rows[row], "%s: %s was never committed", what, row)
	}
	for _, p := range past.Partitions {
		require.LessOrEqual(t, p.Position, h.position, what)
	}
	for m := range past.IDs {
		ids, err := s.Load(m, nil)
		require.True(t, err == nil || errors.Is(err, ErrDamaged), what)
		require.Subset(t, h.all(m), ids, what)
	}
	c := newHistory(9).commit(thisMinute(), 2)
	require.NoError(t, s.Commit(c), what)
	require.NoError(t, s.Close(), what)
	s, again, err := Open(dir, Options{Horizon: horizon})
	require.NoError(t, err, what)
	require.Equal(t, c.Moment, again.Moment, what)
	require.NoError(t, s.Close())
	return past
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := scratch(t)
	copyDir(t, dir, to)
	return to
}

// fewer is by how much -short, which the race detector is run with, has fewer places damaged.
func fewer(short int) int {
	if testing.Short() {
		return short
	}
	return 1
}

func TestTruncatedAtEveryPage(t *testing.T) {
	for _, backup := range []bool{false, true} {
		dir, h := aged(t, backup, true)
		size := fileSize(t, filepath.Join(dir, dbName))
		require.Greater(t, size, int64(10*4096))
		for at := int64(0); at < size; at += 4096 * int64(fewer(20)) {
			one := copied(t, dir)
			require.NoError(t, os.Truncate(filepath.Join(one, dbName), at))
			past := requireTrue(t, one, h, fmt.Sprintf("cut at %d", at))
			require.NotEmpty(t, past.Notes, at)
			require.Len(t, past.Partitions, 2, "with ids or rows a position can be told")
			if backup {
				require.GreaterOrEqual(t, len(past.Minutes), agedMinutes, at)
			} else if at >= size-2*4096 {
				require.Greater(t, len(past.Minutes), agedMinutes, at)
			}
			require.NoError(t, os.RemoveAll(one))
		}
	}
}

func fileSize(t *testing.T, path string) int64 {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

func TestFlippedBits(t *testing.T) {
	for name, closed := range map[string]bool{dbName: true, dbName + sqlfile.LogSuffix: false, "ids": false} {
		t.Run(name, func(t *testing.T) {
			dir, h := aged(t, true, closed)
			rng := rand.New(rand.NewPCG(5, 5))
			for range 100 / fewer(20) {
				one := copied(t, dir)
				path := filepath.Join(one, name)
				if name == "ids" {
					hours, err := hoursIn(one)
					require.NoError(t, err)
					path = hours[rng.IntN(len(hours))].path(one)
				}
				at := rng.Int64N(fileSize(t, path))
				if rng.IntN(4) == 0 {
					at = rng.Int64N(100) // headers
				}
				flip(t, path, at, byte(1)<<rng.IntN(8))
				requireTrue(t, one, h, fmt.Sprintf("%s flipped at %d", name, at))
				require.NoError(t, os.RemoveAll(one))
			}
		})
	}
}

func flip(t *testing.T, path string, at int64, bits byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[at] ^= bits
	require.NoError(t, os.WriteFile(path, b, fileMode))
}

func TestOnePageOfMinutesLost(t *testing.T) {
	dir, h := aged(t, false, true)
	s, past := mustOpen(t, dir)
	whole := len(past.Minutes)
	var page int64
	require.NoError(t, s.db.QueryRow("SELECT pageno FROM dbstat WHERE name = 'minutes' AND pagetype = 'leaf' ORDER BY pageno LIMIT 1 OFFSET 2").Scan(&page))
	require.NoError(t, s.Close())
	for i := range int64(8) {
		flip(t, filepath.Join(dir, dbName), (page-1)*4096+i, 0xff)
	}
	past = requireTrue(t, dir, h, "page")
	require.Greater(t, len(past.Minutes), whole-100)
	require.Less(t, len(past.Minutes), whole)
	require.Len(t, past.Gaps, agedMinutes)
	require.Len(t, setAsideIn(t, dir), 1)
}

// TestDamagedLedgersAreKeptByAge: old ones go, but for one that holds more than the present ledger, however many there are.
func TestDamagedLedgersAreKeptByAge(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	path := filepath.Join(dir, dbName)
	put := func(age time.Duration, size int) {
		require.NoError(t, os.WriteFile(path, make([]byte, size), fileMode))
		require.NoError(t, os.WriteFile(path+sqlfile.LogSuffix, []byte{1}, fileMode))
		require.NoError(t, sqlfile.SetAside(path, filepath.Join(dir, damagedName), now.Add(-age)))
	}
	put(30*24*time.Hour, 100)
	put(29*24*time.Hour, 5)
	put(28*24*time.Hour, 100)
	for range 5 {
		put(time.Hour, 10) // in one second
	}
	require.NoError(t, os.WriteFile(path, make([]byte, 50), fileMode))
	require.NoError(t, dropDamaged(dir, now))
	require.Equal(t, []string{"20260228T000000Z", "20260302T000000Z", "20260329T230000Z", "20260329T230000Z.1", "20260329T230000Z.2",
		"20260329T230000Z.3", "20260329T230000Z.4"}, setAsideIn(t, dir))
	require.NoError(t, os.WriteFile(path, make([]byte, 200), fileMode))
	require.NoError(t, dropDamaged(dir, now.Add(20*24*time.Hour)))
	require.Empty(t, setAsideIn(t, dir))
	require.Len(t, must(os.ReadDir(dir)), 1, "the logs went with them")
}

// setAsideIn are the endings of the names of ledgers that were set aside.
func setAsideIn(t *testing.T, dir string) (times []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), damagedName); ok && !strings.HasSuffix(text, sqlfile.LogSuffix) {
			times = append(times, text)
		}
	}
	return times
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestALostLedgerComesBackFromItsBackup(t *testing.T) {
	dir, h := aged(t, true, true)
	require.NoError(t, os.Remove(filepath.Join(dir, dbName)))
	past := requireTrue(t, dir, h, "missing")
	require.Len(t, past.Minutes, agedMinutes+2)
	require.False(t, past.Clean)
}

func TestAnUnfinishedReplacementIsTakenOrLeft(t *testing.T) {
	dir, h := aged(t, false, true)
	path, fresh := filepath.Join(dir, dbName), filepath.Join(dir, freshName)
	require.NoError(t, os.WriteFile(fresh, []byte("half"), fileMode))
	require.Len(t, requireTrue(t, dir, h, "left").Minutes, 2*agedMinutes)
	require.NoFileExists(t, fresh)
	require.NoError(t, os.Rename(path, fresh))
	require.NoError(t, os.WriteFile(path+sqlfile.LogSuffix, []byte("of the old one"), fileMode))
	require.GreaterOrEqual(t, len(requireSound(t, dir).Minutes), 2*agedMinutes)
}

func requireSound(t *testing.T, dir string) *ledger.Past {
	s, past := mustOpen(t, dir)
	require.Empty(t, past.Notes)
	require.NoError(t, s.Close())
	return past
}

func TestDamageWhileRunning(t *testing.T) {
	dir, h := aged(t, false, true)
	s, _ := mustOpen(t, dir)
	m := thisMinute()
	require.NoError(t, s.Commit(h.commit(m, 5)))
	s.broken, s.corrupt = true, errors.New("malformed")
	c := h.commit(m, 5)
	require.NoError(t, s.Commit(c))
	ids, err := s.Load(m, nil)
	require.NoError(t, err)
	require.Equal(t, h.all(m), ids)
	require.NoError(t, s.Close())
	past := requireSound(t, dir)
	require.Len(t, past.Minutes, 2*agedMinutes+2)
	require.Equal(t, c.Moment, past.Moment)
}

// second is a migration that exists for tests.
func second(tx *sql.Tx) error {
	_, err := tx.Exec("CREATE TABLE more (id INTEGER PRIMARY KEY)")
	return err
}

func TestMigration(t *testing.T) {
	dir, h := aged(t, false, true)
	s, past, err := open(dir, Options{Horizon: horizon}, slices.Concat(migrations, []migration{second}))
	require.NoError(t, err)
	require.Empty(t, past.Notes)
	require.Len(t, past.Minutes, 2*agedMinutes)
	_, err = s.db.Exec("INSERT INTO more VALUES (1)")
	require.NoError(t, err)
	require.NoError(t, s.Commit(h.commit(thisMinute(), 1)))

	left := copied(t, dir) // the log not yet in the ledger
	require.NoError(t, s.Close())
	for name, dir := range map[string]string{"closed": dir, "killed": left} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, dirlock.Name), nil, fileMode))
			before := readFiles(t, dir)
			_, _, err := Open(dir, Options{Horizon: horizon})
			require.ErrorIs(t, err, ErrNewer)
			require.Equal(t, before, readFiles(t, dir))
			_, err = OpenReader(dir)
			require.ErrorIs(t, err, ErrNewer)
		})
	}
}

// TestFromEarlierVersions: nothing of them is lost, damaged or not, and nothing is known of what they did not keep.
func TestFromEarlierVersions(t *testing.T) {
	for version := 1; version < len(migrations); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			h := newHistory(1)
			c := rowsOf(h.commit(thisMinute(), 5))
			c.repairs = nil
			if version < 3 {
				c.copies, c.hours = nil, nil
			}
			if version < 2 {
				c.deliveries = nil
			}
			dir := scratch(t)
			require.NoError(t, prepareDir(dir))
			require.NoError(t, build(dir, c, migrations[:version]))
			require.NoError(t, os.Rename(filepath.Join(dir, freshName), filepath.Join(dir, dbName)))
			one := copied(t, dir)
			past := requireSound(t, dir)
			require.Len(t, past.Minutes, 2)
			require.Len(t, past.Deliveries, len(c.deliveries))
			require.Len(t, past.Copies, len(c.copies))
			require.Len(t, past.Hours, len(c.hours))
			require.Empty(t, past.Repairs)

			info, err := os.Stat(filepath.Join(one, dbName))
			require.NoError(t, err)
			require.NoError(t, os.Truncate(filepath.Join(one, dbName), info.Size()-1))
			for _, note := range requireTrue(t, one, h, "truncated").Notes {
				require.NotContains(t, note, "no such table")
			}
		})
	}
}

func readFiles(t *testing.T, dir string) map[string]string {
	files := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	}))
	return files
}

func TestAFailedMigrationChangesNothing(t *testing.T) {
	dir, _ := aged(t, false, true)
	s, _, err := open(dir, Options{Horizon: horizon}, slices.Concat(migrations, []migration{func(tx *sql.Tx) error {
		if err := second(tx); err != nil {
			return err
		}
		return errors.New("no")
	}}))
	require.Error(t, err)
	require.Nil(t, s)
	require.Len(t, requireSound(t, dir).Minutes, 2*agedMinutes)
}

func TestAFlippedVersionIsNotANewerOne(t *testing.T) {
	dir, h := aged(t, false, true)
	for at := int64(sqlfile.UserVersionAt); at < sqlfile.ApplicationAt+4; at++ {
		for _, bit := range []byte{4, 0x80} { // the second makes the number negative
			one := copied(t, dir)
			flip(t, filepath.Join(one, dbName), at, bit)
			require.Len(t, requireTrue(t, one, h, "version").Minutes, 2*agedMinutes)
		}
	}
	page := make([]byte, sqlfile.HeaderLen)
	binary.BigEndian.PutUint32(page[sqlfile.UserVersionAt:], 7)
	require.Equal(t, 0, sqlfile.Version(page, application))
	binary.BigEndian.PutUint32(page[sqlfile.ApplicationAt:], application|7)
	require.Equal(t, 7, sqlfile.Version(page, application))
}

// TestALostIDFileCostsNoMinute: at worst its Tweets come again.
func TestALostIDFileCostsNoMinute(t *testing.T) {
	dir, h := aged(t, true, true)
	rows := len(requireTrue(t, copied(t, dir), h, "as it was").Minutes)
	hours, err := hoursIn(dir)
	require.NoError(t, err)
	require.NoError(t, os.Remove(hours[0].path(dir)))
	past := requireTrue(t, dir, h, "gone")
	require.Equal(t, rows, len(past.Minutes))
	require.Empty(t, past.IDs[hours[0].first()])
}
