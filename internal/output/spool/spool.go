package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

var (
	// ErrFull: the batch does not fit under the limit. Nothing was stored.
	ErrFull = errors.New("spool is full")
	// ErrNewer: the file was written by a newer version, and was left as it is.
	ErrNewer = errors.New("spool was written by a newer version")
	// ErrDamaged: an entry, or the file, can no longer be read. Close and Open save what is left, and tell what is not.
	ErrDamaged = errors.New("spool is damaged")
)

// Tweet is one Tweet of an Entry: End is where its line ends in Lines (lines may hold newlines of texts).
type Tweet struct {
	ledger.Sent
	End int
}

// Entry is one batch. Entries are numbered upwards from 1 over the life of the file.
type Entry struct {
	ID     int64     // Append and Replace give it; what is in it before does not count
	At     time.Time // when it was appended
	Tweets []Tweet
	Lines  []byte
}

// Spool is open for one process, which owns the directory. Its methods may be called from several goroutines; Close
// ends them all.
type Spool struct {
	path     string
	limit    int64
	file     os.FileInfo  // of the file that is open
	db       *sql.DB      // one connection: writes wait for each other there
	reads    *sql.DB      // reads wait for no write
	used     atomic.Int64 // bytes of the pages that hold something
	refusals atomic.Int64 // rows in quarantine, or somewhat fewer
	most     int64        // of them
	now      func() time.Time
}

// Contents is what an earlier process left.
type Contents struct {
	Entries []Entry       // in their order; Lines are nil
	Refused []ledger.Sent // in quarantine, the oldest first
	Lost    []ledger.Sent // of entries that could not be read whole, as far as their ids can be; told until ForgetLost
	Notes   []string      // what was unreadable, for the operator
}

// Append stores a batch durably and returns its number. After any error nothing of it is stored.
func (s *Spool) Append(e *Entry) (id int64, err error) {
	err = s.write("append to", func(tx *sql.Tx) (err error) {
		if err := s.room(tx, e); err != nil {
			return err
		}
		id, err = insert(tx, e)
		return err
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// room returns ErrFull if the entry does not fit.
func (s *Spool) room(tx *sql.Tx, e *Entry) error {
	used, _, err := sizes(tx)
	if err != nil {
		return err
	}
	log := s.logExcess()
	switch {
	case used+log+cost(e) <= s.limit:
		return nil
	case log > 0:
		return fmt.Errorf("%w: its log has %d bytes more than it should, since some program has a query of %s open and it cannot begin anew", ErrFull, log, s.path)
	}
	return ErrFull
}

// logExcess is by how many bytes the log is larger than it ever is by itself: while somebody reads the file, SQLite can
// only append to it. That room counts against the limit.
func (s *Spool) logExcess() int64 {
	info, err := os.Stat(s.path + sqlfile.LogSuffix)
	if err != nil {
		return 0
	}
	return max(0, info.Size()-usualLog)
}

// insert puts an entry under the next number.
func insert(tx *sql.Tx, e *Entry) (int64, error) {
	r := rowOf(e)
	done, err := tx.Exec("INSERT INTO entries ("+entries.Columns+", checksum) VALUES (?, ?, ?, ?)", entries.Row(&r)[1:]...)
	if err != nil {
		return 0, err
	}
	id, err := done.LastInsertId()
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec("INSERT INTO lines (id, lines) VALUES (?, ?)", id, e.Lines)
	return id, err
}

// Read returns an entry whole. The error is fs.ErrNotExist if there is none of that number, and ErrDamaged if it cannot be
// read any more.
func (s *Spool) Read(id int64) (*Entry, error) {
	e, err := read(s.reads, id)
	if err != nil {
		return nil, fmt.Errorf("read entry %d of %s: %w", id, s.path, judge(err))
	}
	return e, nil
}

func read(db *sql.DB, id int64) (*Entry, error) {
	values, into := sqlfile.Scanned(entries.Width() + 1)
	row := db.QueryRow("SELECT "+entries.Names()+", lines FROM entries LEFT JOIN lines USING (id) WHERE id = ?", id)
	err := row.Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	r, err := entries.Parse(values[:entries.Width()])
	if err != nil {
		return nil, err
	}
	lines, _ := values[entries.Width()].([]byte)
	if !r.fits(lines) {
		return nil, sqlfile.ErrRow
	}
	return r.entry(lines), nil
}

// Remove forgets delivered entries. Numbers of which there is no entry are passed over.
func (s *Spool) Remove(ids ...int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write("remove from", func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := remove(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func remove(tx *sql.Tx, id int64) (found bool, err error) {
	if _, err := tx.Exec("DELETE FROM lines WHERE id = ?", id); err != nil {
		return false, err
	}
	done, err := tx.Exec("DELETE FROM entries WHERE id = ?", id)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// Refuse puts one Tweet's line in quarantine, for the reason why (one line, no credential), durably. A Tweet is there
// once, as it was last refused. The oldest are dropped when there are too many.
func (s *Spool) Refuse(t ledger.Sent, line []byte, why string) error {
	why, _, _ = strings.Cut(why, "\n")
	r := refusal{sent: t, line: line, why: why[:min(len(why), maxWhy)], at: s.now().UnixNano()}
	err := s.write("refuse a Tweet in", func(tx *sql.Tx) error {
		if err := refused.Put(tx, r); err != nil {
			return err
		}
		if s.refusals.Load() < s.most {
			return nil
		}
		return s.dropRefused(tx)
	})
	if err != nil {
		return err
	}
	if s.refusals.Add(1) > s.most {
		s.refusals.Store(s.most - s.most/10)
	}
	return nil
}

// dropRefused makes room for a tenth, so that not each call must look for the oldest.
func (s *Spool) dropRefused(tx *sql.Tx) error {
	_, err := tx.Exec(`DELETE FROM refused WHERE id IN (SELECT id FROM refused ORDER BY at_ns
		LIMIT max(0, (SELECT count(*) FROM refused) - ?))`, s.most-s.most/10)
	return err
}

// Replace puts the parts of an entry in its place, in one step: Tweets that were delivered or refused are gone. The
// limit does not count here. The error is fs.ErrNotExist if there is no such entry; then nothing is stored.
func (s *Spool) Replace(id int64, parts ...*Entry) (ids []int64, err error) {
	err = s.write("replace an entry of", func(tx *sql.Tx) error {
		ids = ids[:0]
		found, err := remove(tx, id)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("entry %d: %w", id, fs.ErrNotExist)
		}
		for _, e := range parts {
			id, err := insert(tx, e)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// ForgetLost says that what Contents told as Lost is booked elsewhere, durably. Without it the next Open tells it again.
func (s *Spool) ForgetLost() error {
	return s.write("forget what is lost of", func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM entries WHERE id NOT IN (SELECT id FROM lines)")
		return err
	})
}

// Bytes is what the spool takes on disk, without room that is free to be used again.
func (s *Spool) Bytes() int64 { return s.used.Load() }

// Close ends the use of the file.
func (s *Spool) Close() error { return errors.Join(s.reads.Close(), s.db.Close()) }

// write does something in one transaction, on the one connection that writes.
func (s *Spool) write(what string, do func(*sql.Tx) error) error {
	err := s.inPlace()
	if err == nil {
		err = s.transact(do)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, s.path, judge(err))
	}
	return nil
}

func (s *Spool) transact(do func(*sql.Tx) error) error {
	ctx := context.Background()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = sqlfile.InTx(conn, do); err != nil {
		_, _ = conn.ExecContext(ctx, "ROLLBACK") // a failed COMMIT may leave the transaction open
	}
	if s.logExcess() > 0 {
		cutLog(conn)
	}
	if used, free, lookErr := sizes(onConn{conn}); lookErr == nil {
		s.used.Store(used)
		if free > max(used, keepFree) && s.logExcess() == 0 { // what moves goes through the log
			shrink(conn)
		}
	}
	return err
}

// inPlace reports a file that was taken away while it is open: SQLite would go on writing to what nobody will find.
func (s *Spool) inPlace() error {
	now, err := os.Stat(s.path)
	if err == nil && !os.SameFile(now, s.file) {
		err = errors.New("it was replaced")
	}
	if err != nil {
		return fmt.Errorf("find it where it was opened (a new start makes a new one): %w", err)
	}
	return nil
}

// judge makes an error that says that the file holds something wrong an ErrDamaged.
func judge(err error) error {
	if errors.Is(err, sqlfile.ErrRow) || sqlfile.OfItsContent(err) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
