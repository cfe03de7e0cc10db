package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

var (
	// ErrLocked is Open's error while another process owns the directory.
	ErrLocked = errors.New("is in use by another process")
	// ErrNewer is the error for a ledger that a newer version wrote. Nothing was touched.
	ErrNewer = errors.New("was written by a newer version")
	// ErrDamaged says that a part could not be read; what could be read is returned with it.
	ErrDamaged = errors.New("state is damaged")
	// ErrNoState is OpenReader's error where there is no ledger.
	ErrNoState = errors.New("no state here")
)

// Options of a Store.
type Options struct {
	Horizon time.Duration // how long ids are kept, by their own time
}

// slack is how far from the horizon, and from the present, ids may be and are still stored.
const slack = time.Hour

const (
	pruneEvery  = 5 * time.Minute
	backupEvery = time.Hour
)

// Store is the state of one stream. Its owner calls Commit and Close; Load, Orders and Bytes may be called by
// anyone at any time before Close.
type Store struct {
	dir        string
	horizon    time.Duration
	lock       *dirlock.Lock
	migrations []migration
	ids        *idStore
	db         *sql.DB
	broken     bool // the last transaction failed: the ledger is opened anew before the next
	corrupt    error
	clean      bool // the last Commit was Clean
	size       atomic.Int64

	polled      atomic.Pointer[sql.DB] // looks for orders, beside db: it waits for no Commit
	file        os.FileInfo            // of the ledger that is open; nil: not looked at yet
	now         func() time.Time
	pruneEvery  time.Duration
	backupEvery time.Duration
	pruned      time.Time
	backedUp    time.Time
}

// Load appends to dst all ids that are stored of the minute, whatever their partition, sorted and each once. With an
// error that is ErrDamaged some are missing.
func (s *Store) Load(m timeline.Minute, dst []snowflake.ID) ([]snowflake.ID, error) {
	return s.ids.load(m, dst)
}

// Bytes is the size on disk of everything, as of the last Commit.
func (s *Store) Bytes() int64 { return s.size.Load() }

func (s *Store) measure() { s.size.Store(sizeOf(s.dir)) }

// Commit makes c durable: first the ids, then the rows in one transaction. After an error the same Commit, or a later
// one that holds the same and more, may be tried again. It is not changed.
func (s *Store) Commit(c *ledger.Commit) error {
	defer s.measure()
	if err := s.mend(); err != nil {
		return err
	}
	if err := s.inPlace(); err != nil {
		return err
	}
	crashpoint.Here("commit-begun")
	written, err := s.ids.write(s.wanted(c))
	if err != nil {
		return err
	}
	crashpoint.Here("ids-synced")
	err = sqlfile.InTx(s.db, func(tx *sql.Tx) error {
		if err := rowsOf(c).write(tx); err != nil {
			return err
		}
		crashpoint.Here("rows-written")
		return pruneLists(tx, c)
	})
	if err != nil {
		s.broken = true
		if sqlfile.OfItsContent(err) {
			s.corrupt = err
		}
		return fmt.Errorf("commit to %s: %w", filepath.Join(s.dir, dbName), err)
	}
	crashpoint.Here("rows-committed")
	s.ids.accept(written)
	s.clean = c.Clean
	s.keepHouse(c)
	return nil
}

// inPlace reports a ledger that was taken away while it is open: SQLite would go on writing to what nobody will find.
func (s *Store) inPlace() error {
	path := filepath.Join(s.dir, dbName)
	now, err := os.Stat(path)
	if err == nil && s.file != nil && !os.SameFile(now, s.file) {
		err = errors.New("it was replaced")
	}
	if err != nil {
		return fmt.Errorf("find the ledger %s where it was opened (a new start makes a new one): %w", path, err)
	}
	s.file = now
	return nil
}

func rowsOf(c *ledger.Commit) *contents {
	rows := &contents{minutes: c.Minutes, copies: c.Copies, deliveries: c.Deliveries, hours: c.Hours, repairs: c.Repairs, gone: c.Gone, fills: c.Fills, gaps: c.Gaps, partitions: c.Partitions, requests: c.Requests, answers: c.Answers,
		moments: []moment{{c.Moment, c.Clean}}}
	for i, at := range c.Connects {
		rows.connects = append(rows.connects, connect{int64(i), at})
	}
	for i, r := range c.Steps {
		rows.steps = append(rows.steps, gapStep{int64(i), r})
	}
	return rows
}

// wanted are the ids that are neither older than what is kept nor of a time to come.
func (s *Store) wanted(c *ledger.Commit) (sets []ledger.IDs) {
	from, to := s.present(c)
	from = max(from-timeline.Minute((s.horizon+slack)/time.Minute), c.Keep)
	to += timeline.Minute(slack / time.Minute)
	for _, set := range c.IDs {
		if from <= set.Minute && set.Minute <= to {
			sets = append(sets, set)
		}
	}
	return sets
}

// present is the minute that this host and the stream say it is; they may differ.
func (s *Store) present(c *ledger.Commit) (from, to timeline.Minute) {
	from = timeline.MinuteOf(s.now().UnixMilli())
	to = from
	for _, ms := range []int64{c.Moment.Wall / 1e6, c.Moment.Stream} {
		if ms != 0 {
			from, to = min(from, timeline.MinuteOf(ms)), max(to, timeline.MinuteOf(ms))
		}
	}
	return from, to
}

// mend opens the ledger anew after a failure, and rebuilds it after damage.
func (s *Store) mend() error {
	if !s.broken && s.db != nil {
		return nil
	}
	_ = s.closeDB() // it failed before
	err := probe(s.dir)
	if err == nil {
		err = adopt(s.dir) // a rebuild may have stopped half-way
	}
	if err != nil {
		return err
	}
	if s.corrupt != nil {
		_, _, err = s.rebuild(s.corrupt, s.ids.counts())
	} else {
		_, _, err = s.openContents(s.ids.counts())
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", filepath.Join(s.dir, dbName), err)
	}
	s.broken, s.corrupt, s.file = false, nil, nil
	return nil
}

// Close ends the ownership. After a clean Commit it leaves a fresh backup.
func (s *Store) Close() error {
	var err error
	if s.clean && s.db != nil && !s.broken {
		err = s.backup()
	}
	return errors.Join(err, s.closeFiles(), s.lock.Release())
}

func (s *Store) closeFiles() (err error) {
	err = s.closeDB()
	if s.ids != nil {
		s.ids.codec.close()
	}
	return err
}

// openDB opens the ledger for commits, and a second time for polls.
func (s *Store) openDB() (err error) {
	path := filepath.Join(s.dir, dbName)
	if s.db, err = sqlfile.Open(path, sqlfile.Writing()); err != nil {
		return err
	}
	if err := sqlfile.Migrate(s.db, application, s.migrations); err != nil {
		return errors.Join(err, s.closeDB())
	}
	polled, err := sqlfile.Open(path, sqlfile.Reading)
	if err != nil {
		return errors.Join(err, s.closeDB())
	}
	s.polled.Store(polled)
	return nil
}

func (s *Store) closeDB() (err error) {
	if db := s.polled.Swap(nil); db != nil {
		err = db.Close()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
		s.db = nil
	}
	return err
}

func (s *Store) backupTime() time.Time {
	info, err := os.Stat(filepath.Join(s.dir, backupName))
	if err != nil {
		return s.now()
	}
	return info.ModTime()
}
