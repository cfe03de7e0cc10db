package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
	"github.com/decahose/telegraf-decahose/internal/durable"
	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Open takes the directory for this process, making it if there is none, and reads what it holds. What is damaged is
// set aside and replaced; Past.Notes tell of it. An error means that the state cannot be kept: ErrLocked,
// ErrNewer, or one of the file system's.
func Open(dir string, o Options) (*Store, *ledger.Past, error) { return open(dir, o, migrations) }

func open(dir string, o Options, to []migration) (_ *Store, _ *ledger.Past, err error) {
	if err := prepareDir(dir); err != nil {
		return nil, nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, nil, err
	}
	s := &Store{dir: dir, horizon: o.Horizon, lock: lock, migrations: to,
		pruneEvery: pruneEvery, backupEvery: backupEvery, now: time.Now}
	past, err := s.start()
	if err != nil {
		return nil, nil, errors.Join(err, s.closeFiles(), lock.Unlock())
	}
	return s, past, nil
}

func (s *Store) start() (*ledger.Past, error) {
	if err := refuseNewer(s.dir, len(s.migrations)); err != nil {
		return nil, err
	}
	if err := probe(s.dir); err != nil {
		return nil, err
	}
	var notes []string
	var err error
	if s.ids, notes, err = openIDs(s.dir); err != nil {
		return nil, fmt.Errorf("state directory %s: %w", s.dir, err)
	}
	now := s.now()
	counts := s.ids.counts()
	c, damage, err := s.openContents(counts)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Join(s.dir, dbName), err)
	}
	s.pruned, s.backedUp = now, s.backupTime()
	s.measure()
	past := c.past(counts, now)
	past.Notes = append(damage, notes...)
	past.Known = past.Known || len(past.Notes) > 0
	return past, nil
}

func refuseNewer(dir string, version int) error {
	have, err := storedVersion(dir)
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(dir, dbName), err)
	}
	if have > version {
		return fmt.Errorf("%s has version %d, this program knows %d: %w", filepath.Join(dir, dbName), have, version, ErrNewer)
	}
	return nil
}

// openContents opens the ledger and reads it whole, and if that fails makes a new one of what can be read of it and
// of its backup.
func (s *Store) openContents(ids map[timeline.Minute]map[int]int) (c *contents, notes []string, err error) {
	if err := adopt(s.dir); err != nil {
		return nil, nil, err
	}
	trouble := missing(s.dir, len(ids) > 0)
	if trouble == nil {
		if c, trouble = s.openSound(); trouble == nil {
			return c, nil, nil
		}
		if sqlfile.OfTheDisk(trouble) || errors.Is(trouble, os.ErrPermission) {
			return nil, nil, trouble
		}
	}
	return s.rebuild(trouble, ids)
}

// openSound opens the ledger and reads it; any damage is an error.
func (s *Store) openSound() (*contents, error) {
	path := filepath.Join(s.dir, dbName)
	if err := createFile(path); err != nil {
		return nil, err
	}
	if err := s.openDB(); err != nil {
		return nil, err
	}
	c := readAll(s.db, s.now())
	complaints, err := check(s.db, "quick_check", 1)
	if err == nil && len(complaints)+len(c.damage) > 0 {
		err = errors.New(firstLine(slices.Concat(c.damage, complaints)[0]))
	}
	if err != nil {
		return nil, errors.Join(err, s.closeDB())
	}
	return c, nil
}

// rebuild makes a new ledger of what can be read, and sets the old one aside.
func (s *Store) rebuild(trouble error, ids map[timeline.Minute]map[int]int) (c *contents, notes []string, err error) {
	notes = []string{fmt.Sprintf("ledger.db is damaged (%s); it was set aside, and a new one made of what could be read", firstLine(trouble.Error()))}
	now := s.now()
	c = readDamaged(filepath.Join(s.dir, dbName), salvage, now)
	notes = append(notes, c.damage...)
	if old := readDamaged(filepath.Join(s.dir, backupName), reading, now); old != nil {
		if n := c.fill(old); n > 0 {
			notes = append(notes, fmt.Sprintf("%d rows were taken from %s", n, backupName))
		}
	}
	for _, p := range c.derive(ids) {
		notes = append(notes, fmt.Sprintf("the position of partition %d is unreadable; it was derived from its minutes", p))
	}
	if err := build(s.dir, c, s.migrations); err != nil {
		return nil, nil, err
	}
	crashpoint.Here("ledger-built")
	if err := setAside(s.dir, now); err != nil {
		return nil, nil, err
	}
	crashpoint.Here("ledger-set-aside")
	if err := adopt(s.dir); err != nil {
		return nil, nil, err
	}
	return c, notes, s.openDB()
}

// readDamaged reads what can be read of a ledger, nothing if there is none.
func readDamaged(path string, a sqlfile.Access, now time.Time) *contents {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return &contents{}
	}
	db, err := sqlfile.Open(path, a)
	if err != nil {
		return &contents{damage: []string{filepath.Base(path) + ": " + firstLine(err.Error())}}
	}
	defer db.Close()
	return readAll(db, now)
}

// build writes the rows into a new file beside the ledger.
func build(dir string, c *contents, to []migration) (err error) {
	path := filepath.Join(dir, freshName)
	if err := sqlfile.Discard(path); err != nil {
		return err
	}
	if err := createFile(path); err != nil {
		return err
	}
	db, err := sqlfile.Open(path, building)
	if err != nil {
		return err
	}
	if err = migrate(db, to); err == nil {
		err = sqlfile.InTx(db, c.write)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("make a new ledger: %w", err)
	}
	return durable.File(path)
}

// write puts all rows.
func (c *contents) write(tx *sql.Tx) error {
	for _, put := range []func() error{
		func() error { return minutes.put(tx, c.minutes) },
		func() error { return copies.put(tx, c.copies) },
		func() error { return deliveries.put(tx, c.deliveries) },
		func() error { return hours.put(tx, c.hours) },
		func() error { return repairs.put(tx, c.repairs) },
		func() error { return gaps.put(tx, c.gaps) },
		func() error { return partitions.put(tx, c.partitions) },
		func() error { return requests.put(tx, c.requests) },
		func() error { return connects.put(tx, c.connects) },
		func() error { return moments.put(tx, c.moments) },
		func() error { return orders.put(tx, c.orders) },
		func() error { return ordersTweets.put(tx, c.tweets) },
		func() error { return answers.put(tx, c.answers) },
	} {
		if err := put(); err != nil {
			return err
		}
	}
	return nil
}
