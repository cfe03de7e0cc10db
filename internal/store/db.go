package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// access is how a ledger is opened.
type access struct {
	mode    string // rw, ro
	pragmas []string
}

var (
	// A commit is durable when it returns: the log is synced, not only written.
	writing = access{"rw", []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(4194304)"}}
	reading = access{"ro", []string{"busy_timeout(5000)", "query_only(1)"}}
	// With writable_schema SQLite reads what it can of a file that is shorter than its header says.
	salvage = access{"rw", []string{"busy_timeout(5000)", "query_only(1)", "writable_schema(1)"}}
	// A file that is built beside has no log.
	building = access{"rw", []string{"journal_mode(MEMORY)", "synchronous(FULL)"}}
	placing  = access{"rw", []string{"busy_timeout(5000)", "synchronous(FULL)"}}
)

// openDB opens an existing file. One connection: what it is told to do, it does in order.
func openDB(path string, a access) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(abs)
	if slashed[0] != '/' {
		slashed = "/" + slashed // C:/…
	}
	u := url.URL{Scheme: "file", Path: slashed}
	q := url.Values{"mode": {a.mode}, "_txlock": {"immediate"}, "_pragma": a.pragmas}
	if a.mode == "ro" {
		q.Set("_txlock", "deferred")
	}
	u.RawQuery = q.Encode()
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

// createFile makes an empty file that only its owner may read, if there is none; SQLite gives its log the
// same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	return f.Close()
}

// openLedger opens the ledger for writing, brings its schema up to date and proves that it can be written.
func openLedger(path string, to []migration) (*sql.DB, error) {
	db, err := openDB(path, writing)
	if err != nil {
		return nil, err
	}
	if err = migrate(db, to); err == nil {
		err = mark(db, len(to))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// check is SQLite's own look at the file; it returns at most limit complaints.
func check(db queryer, pragma string, limit int) (complaints []string, err error) {
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
			complaints = append(complaints, text)
		}
	}
	return complaints, rows.Err()
}

// ofTheDisk reports whether an error of SQLite says that files cannot be written, opened or waited for, rather than
// that what they hold is wrong.
func ofTheDisk(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
		sqlite3.SQLITE_AUTH, sqlite3.SQLITE_INTERRUPT:
		return true
	case sqlite3.SQLITE_IOERR:
		return e.Code() != sqlite3.SQLITE_IOERR_SHORT_READ && e.Code() != sqlite3.SQLITE_IOERR_READ
	}
	return false
}

// ofItsContent reports whether an error of SQLite says that the file holds something wrong.
func ofItsContent(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	code := e.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB || e.Code() == sqlite3.SQLITE_IOERR_SHORT_READ
}
