package store

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/state/dirlock"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Reader reads the state of a stream while some other process may be writing it. Each call sees the latest commit. With
// an error that is ErrDamaged the rows that could be read are returned too.
type Reader struct {
	dir string
	db  *sql.DB
}

// OpenReader opens the state for reading. It is ErrNoState where there is none, ErrNewer where it is not for us.
func OpenReader(dir string) (*Reader, error) {
	path := filepath.Join(dir, dbName)
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoState)
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	db, err := sqlfile.Open(path, sqlfile.Reading)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	// Not read from the file itself: to close it would take away the locks that SQLite has on it in this process.
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), db.Close())
	}
	switch {
	case version > len(migrations):
		err = fmt.Errorf("%s has version %d, this program knows %d: %w", path, version, len(migrations), ErrNewer)
	case version == 0:
		err = fmt.Errorf("%s: %w", dir, ErrNoState)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Reader{dir: dir, db: db}, nil
}

// Close ends the reading.
func (r *Reader) Close() error { return r.db.Close() }

// Running reports whether some process owns the directory.
func (r *Reader) Running() bool { return dirlock.Held(r.dir) }

// Partitions are how far each is done.
func (r *Reader) Partitions() ([]ledger.PartitionRecord, error) {
	return readRows(r.db, partitions, sqlfile.All)
}

// Gaps are all that are kept, in the order of their first minutes.
func (r *Reader) Gaps() ([]ledger.GapRecord, error) {
	return readRows(r.db, gaps, sqlfile.All)
}

// Minutes are the rows of the minutes from ≤ m < to, in order.
func (r *Reader) Minutes(from, to timeline.Minute) ([]ledger.MinuteRecord, error) {
	return readRows(r.db, minutes, keysOf(from, to))
}

// Deliveries are what is tracked of the minutes from ≤ m < to behind the sink, in order.
func (r *Reader) Deliveries(from, to timeline.Minute) ([]ledger.DeliveryRecord, error) {
	return readRows(r.db, deliveries, keysOf(from, to))
}

// Copies say why copies of the minutes from ≤ m < to came that are not redundant, in order.
func (r *Reader) Copies(from, to timeline.Minute) ([]ledger.CopyRecord, error) {
	return readRows(r.db, copies, keysOf(from, to))
}

// Repairs are those of the minutes from ≤ m < to, in order.
func (r *Reader) Repairs(from, to timeline.Minute) ([]ledger.RepairRecord, error) {
	return readRows(r.db, repairs, keysOf(from, to))
}

// Gone are the Tweets of the minutes from ≤ m < to that a whole Replay did not bring, in order.
func (r *Reader) Gone(from, to timeline.Minute) ([]ledger.GoneRecord, error) {
	return readRows(r.db, gone, keysOf(from, to))
}

// Fills say of which of the minutes from ≤ m < to it is not proven that they are full, in order.
func (r *Reader) Fills(from, to timeline.Minute) ([]ledger.FillRecord, error) {
	return readRows(r.db, fills, keysOf(from, to))
}

// Steps are what the process that keeps the state says, as of its last commit, that it will do about its gaps.
func (r *Reader) Steps() (all []ledger.StepRecord, err error) {
	rows, err := readRows(r.db, steps, sqlfile.All)
	for i := range rows {
		all = append(all, rows[i].StepRecord)
	}
	return all, err
}

// Requests are all that are kept, in the order of their ids.
func (r *Reader) Requests() ([]ledger.RequestRecord, error) {
	return readRows(r.db, requests, sqlfile.All)
}

// Moment is that of the last commit; the zero one before there was any.
func (r *Reader) Moment() (ledger.Moment, error) {
	rows, err := readRows(r.db, moments, sqlfile.Keys{From: 1, To: 1})
	if len(rows) == 0 {
		return ledger.Moment{}, err
	}
	return rows[0].Moment, err
}

// Answer is what came of the order, if it was answered.
func (r *Reader) Answer(id int64) (ledger.Answer, bool, error) {
	rows, err := readRows(r.db, answers, sqlfile.Keys{From: id, To: id})
	if len(rows) == 0 {
		return ledger.Answer{}, false, err
	}
	return rows[0], true, err
}

// looks is how often what seems damaged is looked at: what a commit wrote and could not commit is written over by the
// next one, and whoever read it meanwhile has seen half of each.
const looks = 2

// IDs are the Tweets that were stored as emitted of the minute, by partition, each once. One that was emitted again
// is of AnyPartition if that is among its partitions: a Replay brought it last.
func (r *Reader) IDs(m timeline.Minute) (sent []ledger.Sent, err error) {
	for range looks {
		if sent, err = r.idsOf(m); !errors.Is(err, ErrDamaged) {
			break
		}
	}
	return sent, err
}

func (r *Reader) idsOf(m timeline.Minute) ([]ledger.Sent, error) {
	files := newHourFiles(r.dir, hourOf(m))
	defer files.close()
	blocks, skipped, err := files.listAll()
	if err != nil {
		return nil, fmt.Errorf("read ids: %w", err)
	}
	blocks = slices.DeleteFunc(blocks, func(b block) bool { return b.minute != m })
	sent, lost, err := files.sent(blocks)
	if err == nil && lost+skipped > 0 {
		err = fmt.Errorf("%w: some ids of %v are unreadable", ErrDamaged, m)
	}
	return sent, err
}

// sent reads the blocks; lost is how many it could not.
func (h *hourFiles) sent(blocks []block) (sent []ledger.Sent, lost int64, err error) {
	c := newCodec()
	defer c.close()
	for _, b := range blocks {
		ids, err := h.read(c, b, nil)
		if err != nil && !errors.Is(err, errBlock) {
			return sent, lost, fmt.Errorf("read ids: %w", err)
		}
		if err != nil {
			lost++
		}
		for _, id := range ids {
			sent = append(sent, ledger.Sent{ID: id, Partition: int32(b.partition)})
		}
	}
	slices.SortFunc(sent, func(a, b ledger.Sent) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Partition, b.Partition))
	})
	return slices.CompactFunc(sent, func(a, b ledger.Sent) bool { return a.ID == b.ID }), lost, nil
}

// keysOf are those of the minutes from ≤ m < to.
func keysOf(from, to timeline.Minute) sqlfile.Keys {
	return sqlfile.Keys{From: firstKey(from), To: firstKey(to) - 1}
}

func readRows[T any](db sqlfile.Queryer, t *sqlfile.Table[T], k sqlfile.Keys) ([]T, error) {
	records, bad, err := t.Where(db, k, "true")
	switch {
	case sqlfile.OfItsContent(err):
		return records, fmt.Errorf("%w: %w", ErrDamaged, err)
	case err == nil && bad > 0:
		return records, fmt.Errorf("%w: %d rows of %s have a wrong checksum", ErrDamaged, bad, t.Name)
	}
	return records, err
}
