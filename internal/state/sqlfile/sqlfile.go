package sqlfile

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Access is how a file is opened.
type Access struct {
	Mode    string // rw, ro
	Pragmas []string
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
// has put on the file's header, or an answer to statements of ours that a sound file of ours never gives (no such table,
// a key twice, another type).
func Proves(err error) bool {
	if errors.Is(err, errHeader) {
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

// Where SQLite's file format has what is read without SQLite, which would touch the file (sqlite.org/fileformat2.html).
const (
	HeaderLen      = 100
	writeVersionAt = 18
	UserVersionAt  = 60
	ApplicationAt  = 68
)

// newestWriteVersion is that of files with a log; one with a higher number is only read.
const newestWriteVersion = 2

// Execer is a database or a transaction.
type Execer interface {
	Exec(query string, args ...any) (sql.Result, error)
}

// Mark writes the version of a schema into the file's header, twice: also as the low half of the application's id, of
// which application is the high half, so that a flipped bit in one of the two is not taken for a newer version.
func Mark(db Execer, application uint32, version int) error {
	id := int32(application | uint32(version)) // SQLite takes it as signed
	_, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", version, id))
	return err
}

// Version is what Mark wrote, read from a first page: 0 where the two differ by a single bit, which was flipped, and
// where it is not of the application.
func Version(page []byte, application uint32) int {
	if len(page) < HeaderLen {
		return 0
	}
	user, id := binary.BigEndian.Uint32(page[UserVersionAt:]), binary.BigEndian.Uint32(page[ApplicationAt:])
	if user > 0xffff || id&^0xffff != application || bits.OnesCount32(id^application^user) == 1 {
		return 0
	}
	return int(user)
}
