package sqlfile

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// thing is a record that exists for tests.
type thing struct {
	key, n int64
	text   string
	bytes  string
}

var things = Table[thing]{
	Name:    "things",
	Columns: "n, text, bytes",
	Key:     func(r *thing) int64 { return r.key },
	Values:  func(r *thing) []any { return []any{r.n, r.text, []byte(r.bytes)} },
	Record: func(f *Taken) (thing, error) {
		r := thing{key: f.Int(), n: f.Int(), text: f.Text(), bytes: string(f.Bytes())}
		if strings.Contains(r.text, "\n") {
			return r, fmt.Errorf("the text has %q", r.text)
		}
		return r, nil
	},
	Summed: func(dst []byte, table string, row []any) ([]byte, error) {
		f := Take(row)
		dst = append(dst, table...)
		for range 2 {
			dst = binary.BigEndian.AppendUint64(dst, uint64(f.Int()))
		}
		dst = append(append(dst, f.Text()...), 0)
		return append(dst, f.Bytes()...), f.Err()
	},
}

const thingsApplication = 0x7E57 << 16

func thingsFirst(tx *sql.Tx) error {
	_, err := tx.Exec("CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, text TEXT, bytes BLOB, checksum INTEGER)")
	return err
}

func thingsSecond(tx *sql.Tx) error {
	_, err := tx.Exec("CREATE TABLE others (id INTEGER PRIMARY KEY)")
	return err
}

var thingsMigrations = []Migration{thingsFirst}

// scratch is a directory that is gone after the test: in memory where there is one.
func scratch(t testing.TB) string {
	t.Helper()
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = t.TempDir()
	}
	dir, err := os.MkdirTemp(base, "sqlfile")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

const testPageSize = 512

// opened is a file of things, with small pages so that they soon are many.
func opened(t testing.TB, path string, to ...Migration) *sql.DB {
	t.Helper()
	require.NoError(t, Create(path))
	db, err := Open(path, Access{Mode: "rw", Pragmas: []string{fmt.Sprintf("page_size(%d)", testPageSize)}})
	require.NoError(t, err)
	require.NoError(t, Migrate(db, thingsApplication, nil))
	require.NoError(t, db.Close())
	db, err = Open(path, Writing())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, Migrate(db, thingsApplication, append(thingsMigrations, to...)))
	return db
}

func put(t testing.TB, db *sql.DB, all ...thing) {
	t.Helper()
	require.NoError(t, InTx(db, func(tx *sql.Tx) error { return things.Put(tx, all...) }))
}

// someThings are n of them, with keys that lie so far apart, the first of which is of key from.
func someThings(n int, from, apart int64) (all []thing) {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(apart)))
	for i := range int64(n) {
		all = append(all, thing{key: from + i*apart, n: rng.Int64() - rng.Int64(), text: fmt.Sprint("text ", rng.Int64()), bytes: strings.Repeat("\x00b", rng.IntN(20))})
	}
	return all
}

// closedWith is a closed file of these things: its log is put into it.
func closedWith(t testing.TB, all []thing) (path string) {
	t.Helper()
	path = filepath.Join(scratch(t), "a.db")
	db := opened(t, path)
	put(t, db, all...)
	require.NoError(t, db.Close())
	return path
}

// copied is a copy of a file, and of its log.
func copied(t testing.TB, path string) (to string) {
	t.Helper()
	to = filepath.Join(scratch(t), "b.db")
	for _, suffix := range []string{"", LogSuffix} {
		b, err := os.ReadFile(path + suffix)
		if suffix != "" && os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to+suffix, b, 0o600))
	}
	return to
}

// change lets a test edit the bytes of a file.
func change(t testing.TB, path string, edit func(b []byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	edit(b)
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

// leaves are the pages that hold the rows of things, in the order of their keys.
func leaves(t testing.TB, path string) (pages []int64) {
	t.Helper()
	db, err := Open(path, Reading)
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.Query("SELECT pageno FROM dbstat WHERE name = 'things' AND pagetype = 'leaf' ORDER BY path")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var page int64
		require.NoError(t, rows.Scan(&page))
		pages = append(pages, page)
	}
	require.NoError(t, rows.Err())
	return pages
}

// breakPages makes pages unreadable to SQLite.
func breakPages(t testing.TB, path string, pages ...int64) {
	t.Helper()
	change(t, path, func(b []byte) {
		for _, p := range pages {
			b[(p-1)*testPageSize] = 0xff
		}
	})
}
