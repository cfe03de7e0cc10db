package spool

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// Open opens dir/spool.db, or makes it (0600). limit bounds the bytes that the file takes, and what its log has beyond the 16 MiB
// that it may have by itself. A damaged file never stops the service: what can be read of it row by row is kept, and the file is made
// anew. An error means that the directory cannot be written, or ErrNewer.
func Open(dir string, limit int64) (*Spool, *Contents, error) { return open(dir, limit, migrations) }

func open(dir string, limit int64, to []migration) (*Spool, *Contents, error) {
	o := opening{dir: dir, path: filepath.Join(dir, dbName), fresh: filepath.Join(dir, freshName), limit: limit, to: to}
	s, c, err := o.open()
	if err != nil {
		return nil, nil, fmt.Errorf("open spool %s: %w", o.path, err)
	}
	return s, c, nil
}

// opening is an Open under way.
type opening struct {
	dir, path, fresh string
	limit            int64
	to               []migration
	notes            []string
}

func (o *opening) open() (*Spool, *Contents, error) {
	torn, err := o.refuseNewer()
	if err != nil {
		return nil, nil, err
	}
	if err := prepare(o.dir); err != nil {
		return nil, nil, err
	}
	if err := sqlfile.Adopt(o.path, o.fresh); err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(o.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	if err == nil && info.Size() < pageSize {
		o.notes = append(o.notes, fmt.Sprintf("%s has %d bytes; what it held is lost", dbName, info.Size()))
	}
	if torn {
		o.notes = append(o.notes, logName+" is damaged; the newest entries, which only it held, may be lost")
	}
	s, c, err := o.openSound()
	if err != nil {
		if err = sqlfile.Blame(o.path, err); !sqlfile.Proves(err) {
			return nil, nil, err
		}
		if err := o.rebuild(err); err != nil {
			return nil, nil, err
		}
		if s, c, err = o.openSound(); err != nil {
			return nil, nil, err
		}
	}
	_ = dropDamaged(o.dir, o.limit, time.Now()) // what stays takes room only
	c.Notes = o.notes
	return s, c, nil
}

// refuseNewer reads the versions without touching the files, and whether the log is torn.
func (o *opening) refuseNewer() (torn bool, err error) {
	stored, err := sqlfile.Inspect(o.path, application)
	if err != nil {
		return false, err
	}
	if have := stored.Version; have > len(o.to) {
		return false, fmt.Errorf("it has version %d, this program knows %d: %w", have, len(o.to), ErrNewer)
	}
	return stored.Torn, nil
}

// openSound opens the file and reads it whole; any damage is an error.
func (o *opening) openSound() (*Spool, *Contents, error) {
	if err := sqlfile.Create(o.path); err != nil {
		return nil, nil, err
	}
	db, err := sqlfile.Open(o.path, sqlfile.Writing(layout))
	if err != nil {
		return nil, nil, err
	}
	s := &Spool{path: o.path, limit: o.limit, db: db, now: time.Now,
		most: min(max(o.limit/refusedShare, fewRefused), manyRefused)}
	c, err := s.load(o.to)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	if s.reads, err = sqlfile.Open(o.path, sqlfile.Reading); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return s, c, nil
}

// load brings the schema up to date and reads everything.
func (s *Spool) load(to []migration) (c *Contents, err error) {
	if err := sqlfile.Migrate(s.db, application, to); err != nil {
		return nil, err
	}
	if s.file, err = os.Stat(s.path); err != nil {
		return nil, err
	}
	complaints, err := sqlfile.Check(s.db, "quick_check", 1)
	if err == nil && len(complaints) > 0 {
		err = fmt.Errorf("%w: %s", sqlfile.ErrRow, complaints[0])
	}
	if err != nil {
		return nil, err
	}
	if err := soundSequence(s.db); err != nil {
		return nil, err
	}
	rows, bad, err := entries.All(s.db)
	if err != nil || bad > 0 {
		return nil, errors.Join(damaged(entries.Name, bad), err)
	}
	refusals, bad, err := refused.All(s.db)
	if err != nil || bad > 0 {
		return nil, errors.Join(damaged(refused.Name, bad), err)
	}
	if c, err = contents(s.db, rows); err != nil {
		return nil, err
	}
	c.Refused = sentOf(refusals)
	s.refusals.Store(int64(len(refusals)))
	used, _, err := sizes(s.db)
	s.used.Store(used)
	return c, err
}

func damaged(table string, bad int) error {
	if bad == 0 {
		return nil
	}
	return fmt.Errorf("%s: %d rows: %w", table, bad, sqlfile.ErrRow)
}

// contents reads all lines, and compares them with their entries. Entries without lines are lost; lines that are not
// as they should be are an error.
func contents(db *sql.DB, of []row) (*Contents, error) {
	rows, err := db.Query("SELECT id, lines FROM lines ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	c := &Contents{}
	for rows.Next() {
		var key any
		var lines sql.RawBytes
		if err := rows.Scan(&key, &lines); err != nil {
			return nil, err
		}
		id, ok := key.(int64)
		if !ok {
			return nil, fmt.Errorf("lines of an entry %v: %w", key, sqlfile.ErrRow)
		}
		for len(of) > 0 && of[0].id < id {
			c.Lost = append(c.Lost, of[0].sent()...)
			of = of[1:]
		}
		if len(of) == 0 || of[0].id != id || !of[0].fits(lines) {
			return nil, fmt.Errorf("lines of entry %d: %w", id, sqlfile.ErrRow)
		}
		c.Entries = append(c.Entries, *of[0].entry(nil))
		of = of[1:]
	}
	for _, r := range of {
		c.Lost = append(c.Lost, r.sent()...)
	}
	return c, rows.Err()
}

// sequence is the number of the newest entry that there ever was.
func sequence(db *sql.DB) (n int64, err error) {
	var seq any
	err = db.QueryRow("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	n, ok := seq.(int64)
	if err == nil && (!ok || n < 0 || n > maxID) {
		err = fmt.Errorf("the number of the newest entry is %v: %w", seq, sqlfile.ErrRow)
	}
	return n, err
}

func soundSequence(db *sql.DB) error {
	_, err := sequence(db)
	return err
}

// sentOf names the Tweets in quarantine, the oldest refusal first.
func sentOf(refusals []refusal) (sent []ledger.Sent) {
	slices.SortStableFunc(refusals, func(a, b refusal) int { return cmp.Compare(a.at, b.at) })
	for _, r := range refusals {
		sent = append(sent, r.sent)
	}
	return sent
}

// rebuild makes a new file of what can be read, and sets the old one aside.
func (o *opening) rebuild(trouble error) error {
	o.notes = append(o.notes, fmt.Sprintf("%s is damaged (%s); it was set aside, and a new one made of what could be read", dbName, sqlfile.FirstLine(trouble.Error())))
	err := sqlfile.Readable(o.path)
	if err == nil {
		err = o.build()
	}
	if err != nil {
		return fmt.Errorf("make a new one of a damaged one: %w", err)
	}
	crashpoint.Here("spool-built")
	if err := sqlfile.SetAside(o.path, filepath.Join(o.dir, damagedName), time.Now()); err != nil {
		return err
	}
	crashpoint.Here("spool-set-aside")
	return sqlfile.Adopt(o.path, o.fresh)
}

// build writes what can be read of the file into a new one beside it.
func (o *opening) build() error {
	if err := sqlfile.Discard(o.fresh); err != nil {
		return err
	}
	if err := sqlfile.Create(o.fresh); err != nil {
		return err
	}
	db, err := sqlfile.Open(o.fresh, sqlfile.Building(layout))
	if err != nil {
		return err
	}
	if err = sqlfile.Migrate(db, application, o.to); err == nil {
		err = o.save(db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	return durable.File(o.fresh)
}

// save salvages the file. Its first page, which says where the tables are and holds nothing else, is always put in its
// place anew: one flipped bit there could hide all of them. The log goes in first, as far as SQLite can read it.
func (o *opening) save(to *sql.DB) error {
	if db, err := sqlfile.Open(o.path, sqlfile.Salvaging); err == nil {
		_, _ = sequence(db)
		_ = db.Close()
	}
	info, err := os.Stat(o.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err != nil || info.Size() < pageSize {
		o.notes = append(o.notes, "nothing of it is left")
		return nil //nolint:nilerr // it was told
	}
	if err := sqlfile.BorrowFirstPage(o.path, o.fresh, pageSize); err != nil {
		return err
	}
	return o.salvage(to)
}
