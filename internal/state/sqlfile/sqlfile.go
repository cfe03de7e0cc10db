package sqlfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/decahose/telegraf-decahose/internal/state/durable"
)

// Access is how a file is opened.
type Access struct {
	Mode    string   // rw, ro
	Pragmas []string // the driver applies busy_timeout first, then the others in alphabetical order
}

const (
	// BusyTimeout is how long who would write, or read, waits for another.
	BusyTimeout = "busy_timeout(5000)"
	// syncedCommits are durable when they return: the log is synced, not only written.
	syncedCommits = "synchronous(FULL)"
)

var (
	// Reading sees the latest commit, while others write.
	Reading = Access{Mode: "ro", Pragmas: []string{BusyTimeout, "query_only(1)"}}
	// Salvaging is for damaged files: with writable_schema SQLite reads what it can of one that is shorter than its
	// header says.
	Salvaging = Access{Mode: "rw", Pragmas: []string{BusyTimeout, "query_only(1)", "writable_schema(1)"}}
	// Joining writes beside the owner of the file, and leaves its journal as it is.
	Joining = Access{Mode: "rw", Pragmas: []string{BusyTimeout, syncedCommits}}
)

// Writing is for the owner of a file. The layout is told to one that is empty only.
func Writing(layout ...string) Access {
	return Access{Mode: "rw", Pragmas: slices.Concat([]string{BusyTimeout}, layout, []string{"journal_mode(WAL)", syncedCommits, "journal_size_limit(4194304)"})}
}

// Building is for a file that is built beside, by one process and for none yet: it has no log.
func Building(layout ...string) Access {
	return Access{Mode: "rw", Pragmas: slices.Concat(layout, []string{"journal_mode(MEMORY)", syncedCommits})}
}

// Open opens an existing file. One connection: what it is told to do, it does in order.
func Open(path string, a Access) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(abs)
	if slashed[0] != '/' {
		slashed = "/" + slashed // C:/…
	}
	q := url.Values{"mode": {a.Mode}, "_txlock": {"immediate"}, "_pragma": a.Pragmas}
	if a.Mode == "ro" {
		q.Set("_txlock", "deferred")
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Create makes an empty file that only its owner may read, if there is none; SQLite gives its log the same mode.
func Create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return durable.Dir(filepath.Dir(path))
}

// Beginner is a database, or a connection of it.
type Beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// InTx commits what do has done, or, with an error, nothing.
func InTx(db Beginner, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it says only that
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// OfItsContent reports whether an error of SQLite says that the file was read, and holds something wrong. A lack of
// descriptors, memory or room, a lock, a missing right and a sector that cannot be read say nothing of what it holds.
func OfItsContent(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB || e.Code() == sqlite3.SQLITE_IOERR_SHORT_READ
}

// Proves reports whether an error at the opening of a file proves that what it holds is wrong: OfItsContent, what Blame
// has put on the file's header, rows that are not as they were written, or an answer to statements of ours that a sound
// file of ours never gives (no such table, a key twice, another type).
func Proves(err error) bool {
	if errors.Is(err, errHeader) || errors.Is(err, ErrRow) {
		return true
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_SCHEMA,
		sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_TOOBIG:
		return true
	}
	return OfItsContent(err)
}

// errHeader is a header that forbids SQLite to write.
var errHeader = errors.New("its header says that no SQLite of today may write it")

// Blame returns an error at the opening of a file, on the file's header where that is why SQLite does not write: the
// error is the same as of a file that this user may not write, so only the header proves it. Nobody may have the file
// open, as for Readable.
func Blame(path string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Code() != sqlite3.SQLITE_READONLY {
		return err
	}
	f, openErr := os.Open(path)
	if openErr != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, HeaderLen)
	if _, readErr := io.ReadFull(f, head); readErr != nil || head[writeVersionAt] <= newestWriteVersion {
		return err
	}
	return fmt.Errorf("%w (%d at byte %d): %w", errHeader, head[writeVersionAt], writeVersionAt, err)
}

// newestWriteVersion is that of files with a log; one with a higher number is only read.
const newestWriteVersion = 2

// Check is SQLite's own look at the file, quick_check or integrity_check; it returns at most limit complaints.
func Check(db Queryer, pragma string, limit int) (complaints []string, err error) {
	rows, err := db.Query(fmt.Sprintf("PRAGMA %s(%d)", pragma, limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return complaints, err
		}
		if text != "ok" {
			complaints = append(complaints, FirstLine(strings.TrimPrefix(text, "*** in database main ***\n")))
		}
	}
	return complaints, rows.Err()
}

// FirstLine is that of a text of SQLite's.
func FirstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
