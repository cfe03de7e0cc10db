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
	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
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
		return nil, nil, errors.Join(err, s.closeFiles(), lock.Release())
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

// CheckFiles says why Open, or that of the spool, would fail on the files of the directory, if it is there: those that this
// user cannot read and write, links, a newer version. It changes nothing. No Store or Reader of this process may be open there.
func CheckFiles(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := refuseLinks(dir); err != nil {
		return err
	}
	for _, name := range []string{dirlock.Name, dbName, backupName, "spool.db"} {
		for _, suffix := range []string{"", sqlfile.LogSuffix, sqlfile.IndexSuffix} {
			if err := openable(filepath.Join(dir, name+suffix)); err != nil {
				return place(err)
			}
		}
	}
	ids, _, err := openIDs(dir)
	if err != nil {
		return place(err)
	}
	ids.codec.close()
	return refuseNewer(dir, len(migrations))
}

// openable is nil for what is not there.
func openable(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func refuseNewer(dir string, version int) error {
	stored, err := sqlfile.Inspect(filepath.Join(dir, dbName), application)
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(dir, dbName), err)
	}
	if have := stored.Version; have > version {
		return fmt.Errorf("%s has version %d, this program knows %d: %w", filepath.Join(dir, dbName), have, version, ErrNewer)
	}
	return nil
}

// openContents opens the ledger and reads it whole. Where what it holds is proven wrong, it makes a new one of what can
// be read of it and of its backup; any other trouble is an error, and nothing is touched.
func (s *Store) openContents(ids map[timeline.Minute]map[int]int) (c *contents, notes []string, err error) {
	if err := adopt(s.dir); err != nil {
		return nil, nil, err
	}
	trouble := missing(s.dir, len(ids) > 0)
	if trouble == nil {
		if c, trouble = s.openSound(); trouble == nil {
			return c, nil, nil
		}
	}
	if trouble = sqlfile.Blame(filepath.Join(s.dir, dbName), trouble); !damaged(trouble) {
		return nil, nil, trouble
	}
	return s.rebuild(trouble, ids)
}

// errContent is the damage of a ledger that does not pass a check.
var errContent = errors.New("a check complains")

// damaged reports whether trouble at the opening of a ledger proves that what it holds is wrong.
func damaged(trouble error) bool {
	return errors.Is(trouble, errMissing) || errors.Is(trouble, errContent) || sqlfile.Proves(trouble)
}

// openSound opens the ledger and reads it; any damage is an error.
func (s *Store) openSound() (*contents, error) {
	path := filepath.Join(s.dir, dbName)
	if err := sqlfile.Create(path); err != nil {
		return nil, err
	}
	if err := s.openDB(); err != nil {
		return nil, err
	}
	c, err := readAll(s.db, s.now())
	var complaints []string
	if err == nil {
		complaints, err = sqlfile.Check(s.db, "quick_check", 1)
	}
	if err == nil && len(complaints)+len(c.damage) > 0 {
		err = fmt.Errorf("%w: %s", errContent, sqlfile.FirstLine(slices.Concat(c.damage, complaints)[0]))
	}
	if err != nil {
		return nil, errors.Join(err, s.closeDB())
	}
	return c, nil
}

// rebuild makes a new ledger of what can be read, and sets the old one aside. A ledger or backup that cannot be read
// to its end for a reason of the machine is left as it is: it may hold all that is sought.
func (s *Store) rebuild(trouble error, ids map[timeline.Minute]map[int]int) (c *contents, notes []string, err error) {
	notes = []string{fmt.Sprintf("ledger.db is damaged (%s); it was set aside, and a new one made of what could be read", sqlfile.FirstLine(trouble.Error()))}
	now := s.now()
	if c, err = readDamaged(filepath.Join(s.dir, dbName), sqlfile.Salvaging, now); err != nil {
		return nil, nil, err
	}
	notes = append(notes, c.damage...)
	old, err := readDamaged(filepath.Join(s.dir, backupName), sqlfile.Reading, now)
	if err != nil {
		return nil, nil, err
	}
	if n := c.fill(old); n > 0 {
		notes = append(notes, fmt.Sprintf("%d rows were taken from %s", n, backupName))
	}
	for _, p := range c.derive(ids) {
		notes = append(notes, fmt.Sprintf("the position of partition %d is unreadable; it was derived from its minutes", p))
	}
	return c, notes, s.replace(c, now)
}

// replace puts a new ledger of these rows in the place of the damaged one.
func (s *Store) replace(c *contents, now time.Time) error {
	if err := build(s.dir, c, s.migrations); err != nil {
		return err
	}
	crashpoint.Here("ledger-built")
	if err := sqlfile.SetAside(filepath.Join(s.dir, dbName), filepath.Join(s.dir, damagedName), now); err != nil {
		return err
	}
	crashpoint.Here("ledger-set-aside")
	if err := adopt(s.dir); err != nil {
		return err
	}
	return s.openDB()
}

// readDamaged reads what can be read of a ledger, nothing if there is none. Its error is of the machine.
func readDamaged(path string, a sqlfile.Access, now time.Time) (*contents, error) {
	if err := sqlfile.Readable(path); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return &contents{}, nil //nolint:nilerr // there is none
	}
	db, err := sqlfile.Open(path, a)
	if sqlfile.Proves(err) {
		return &contents{damage: []string{filepath.Base(path) + ": " + sqlfile.FirstLine(err.Error())}}, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := readAll(db, now)
	return c, errors.Join(err, db.Close())
}

// build writes the rows into a new file beside the ledger.
func build(dir string, c *contents, to []migration) (err error) {
	path := filepath.Join(dir, freshName)
	if err := sqlfile.Discard(path); err != nil {
		return err
	}
	if err := sqlfile.Create(path); err != nil {
		return err
	}
	db, err := sqlfile.Open(path, sqlfile.Building())
	if err != nil {
		return err
	}
	if err = sqlfile.Migrate(db, application, to); err == nil {
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
		func() error { return minutes.Put(tx, c.minutes...) },
		func() error { return copies.Put(tx, c.copies...) },
		func() error { return deliveries.Put(tx, c.deliveries...) },
		func() error { return hours.Put(tx, c.hours...) },
		func() error { return repairs.Put(tx, c.repairs...) },
		func() error { return gone.Put(tx, c.gone...) },
		func() error { return fills.Put(tx, c.fills...) },
		func() error { return gaps.Put(tx, c.gaps...) },
		func() error { return partitions.Put(tx, c.partitions...) },
		func() error { return requests.Put(tx, c.requests...) },
		func() error { return connects.Put(tx, c.connects...) },
		func() error { return moments.Put(tx, c.moments...) },
		func() error { return steps.Put(tx, c.steps...) },
		func() error { return orders.Put(tx, c.orders...) },
		func() error { return ordersTweets.Put(tx, c.tweets...) },
		func() error { return answers.Put(tx, c.answers...) },
	} {
		if err := put(); err != nil {
			return err
		}
	}
	return nil
}
