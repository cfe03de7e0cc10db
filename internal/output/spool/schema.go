package spool

import (
	"bufio"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// migration brings the schema from one version to the next, in one transaction.
type migration func(*sql.Tx) error

// migrations make version 1, 2, …; they are never changed, only added to.
var migrations = []migration{version1}

// application marks our files (PRAGMA application_id); its low half repeats the version, so that a flipped bit in one
// of the two is not taken for a newer version.
const application = 0xDEC5 << 16

// Lines have a table of their own: nearly all pages are theirs, and what is damaged there leaves the manifests whole.
func version1(tx *sql.Tx) error {
	_, err := tx.Exec(`
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at_ns INTEGER,
  tweets BLOB, -- per Tweet: its id less the one before, its partition, the length of its line; varints
  lines_crc INTEGER, checksum INTEGER);
CREATE TABLE lines (id INTEGER PRIMARY KEY, lines BLOB); -- of entries; none: they are lost
CREATE TABLE refused (
  id INTEGER PRIMARY KEY, -- the Tweet's
  "partition" INTEGER, line BLOB, why TEXT, at_ns INTEGER, checksum INTEGER);`)
	return err
}

// migrate brings the schema up to date. A file that says that it is newer got so by damage, or Open has refused it.
func migrate(db *sql.DB, to []migration) error {
	var have int
	if err := db.QueryRow("PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have < 0 {
		return fmt.Errorf("version %d: %w", have, errRow)
	}
	for v := have + 1; v <= len(to); v++ {
		err := sqlfile.InTx(db, func(tx *sql.Tx) error {
			if err := to[v-1](tx); err != nil {
				return err
			}
			return sqlfile.Mark(tx, application, v)
		})
		if err != nil {
			return fmt.Errorf("migrate to version %d: %w", v, err)
		}
	}
	return sqlfile.Mark(db, application, len(to))
}

// What of SQLite's file format is read and written without SQLite (sqlite.org/fileformat2.html).
const (
	writeVersionAt = 18 // then the read version
	inWAL          = 2
	changeAt       = 24
	pageCountAt    = 28
	freelistAt     = 32
	validForAt     = 92
	logHeaderLen   = 32
	frameHeaderLen = 24
)

// storedVersion is the version of the file, read without touching anything; 0 where it cannot be told.
func storedVersion(path string) (int, error) {
	head := make([]byte, sqlfile.HeaderLen)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if n, err := io.ReadFull(f, head); n < sqlfile.HeaderLen && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	return sqlfile.Version(head, application), nil
}

// borrowFirstPage puts the first page of a new file of the same schema in the place of a damaged one: the roots of the
// tables are at the same places.
func borrowFirstPage(path, from string) error {
	page := make([]byte, pageSize)
	donor, err := os.Open(from)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(donor, page)
	if err = errors.Join(err, donor.Close()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	page[writeVersionAt], page[writeVersionAt+1] = inWAL, inWAL
	binary.BigEndian.PutUint32(page[pageCountAt:], uint32(info.Size()/pageSize))
	binary.BigEndian.PutUint64(page[freelistAt:], 0)
	copy(page[validForAt:validForAt+4], page[changeAt:])
	_, err = f.WriteAt(page, 0)
	return err
}

// look is what can be told of a log (spool.db-wal) without SQLite.
type look struct {
	version int  // the highest of the first pages in it
	torn    bool // a commit in it cannot be read: SQLite drops it, and all after it
}

// lookInto reads a log. SQLite itself would say nothing of a damaged one.
func lookInto(path string) (l look, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, logHeaderLen)
	if _, err := io.ReadFull(r, head); err != nil {
		return l, nil // too short to be a log
	}
	sum := newLogSum(head)
	sound := sum.take(head[:24]) && sum.is(head[24:]) && binary.BigEndian.Uint32(head[8:]) == pageSize
	if info, err := f.Stat(); err != nil || !sound {
		return look{torn: err == nil && info.Size() > logHeaderLen}, err
	}
	frame := make([]byte, frameHeaderLen+pageSize)
	for pending := 0; ; {
		if _, err := io.ReadFull(r, frame); err != nil {
			return l, nil // its end
		}
		commits := binary.BigEndian.Uint32(frame[4:]) != 0
		ours := string(frame[8:16]) == string(head[16:24])
		if !sound {
			l.torn = l.torn || commits && ours
			continue
		}
		if sound = ours && sum.take(frame[:8]) && sum.take(frame[frameHeaderLen:]) && sum.is(frame[16:]); !sound {
			l.torn = commits && ours
			continue
		}
		if binary.BigEndian.Uint32(frame) == 1 {
			pending = sqlfile.Version(frame[frameHeaderLen:], application)
		}
		if commits {
			l.version = max(l.version, pending)
		}
	}
}

// logSum is the running checksum of a log.
type logSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func newLogSum(head []byte) *logSum {
	if head[3]&1 != 0 {
		return &logSum{order: binary.BigEndian}
	}
	return &logSum{order: binary.LittleEndian}
}

// take goes on over b.
func (s *logSum) take(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		s.s0 += s.order.Uint32(b) + s.s1
		s.s1 += s.order.Uint32(b[4:]) + s.s0
	}
	return true
}

func (s *logSum) is(stored []byte) bool {
	return s.s0 == binary.BigEndian.Uint32(stored) && s.s1 == binary.BigEndian.Uint32(stored[4:])
}
