package store

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/decahose/telegraf-decahose/internal/crashpoint"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// keepOrders is how many orders and answers are kept for those who ask what came of them.
	keepOrders = 100
	// moreHours is how many id files there may be beyond those of the horizon.
	moreHours = 4
)

// keepHouse prunes, merges and backs up when it is time. What fails there is tried again later and is no failure of
// the Commit, which is durable.
func (s *Store) keepHouse(c *ledger.Commit) {
	now := s.now()
	if since := now.Sub(s.pruned); since >= s.pruneEvery || since < 0 {
		s.pruned = now
		_ = s.prune(c)
	}
	if since := now.Sub(s.backedUp); since >= s.backupEvery || since < 0 {
		s.backedUp = now
		_ = s.backup()
		_ = dropDamaged(s.dir, now)
	}
}

func (s *Store) prune(c *ledger.Commit) error {
	err := sqlfile.InTx(s.db, func(tx *sql.Tx) error { return pruneRows(tx, c.Keep) })
	hours := int((s.horizon+2*slack)/time.Hour) + moreHours
	_, now := s.present(c)
	return errors.Join(err, s.ids.prune(c.Keep, hours), s.ids.mergeOne(now))
}

// pruneRows deletes what is of minutes before keep. Gaps stay while they are open.
func pruneRows(tx *sql.Tx, keep timeline.Minute) error {
	for _, d := range []struct {
		statement string
		argument  int64
	}{
		{"DELETE FROM minutes WHERE id < ?", firstKey(keep)},
		{"DELETE FROM copies WHERE id < ?", firstKey(keep)},
		{"DELETE FROM deliveries WHERE id < ?", firstKey(keep)},
		{"DELETE FROM hours WHERE id < ?", hourKey(int64(keep-ledger.HistoryMinutes)/60, 0)},
		{"DELETE FROM repairs WHERE id < ?", firstKey(keep)},
		{"DELETE FROM gone WHERE id < ?", firstKey(keep)},
		{"DELETE FROM fills WHERE id < ?", firstKey(keep)},
		{"DELETE FROM gaps WHERE to_ms <= ? AND state IN ('recovered', 'lost')", keep.Milli()},
		{"DELETE FROM requests WHERE to_minute <= ? AND ended_ns <> 0 AND id < (SELECT max(id) FROM requests)", int64(keep)},
		{"DELETE FROM answers WHERE id <= (SELECT max(id) FROM orders) - ?", keepOrders},
		{"DELETE FROM order_tweets WHERE id <= (SELECT max(id) FROM answers) - ?", 0},
		{"DELETE FROM orders WHERE id <= (SELECT max(id) FROM orders) - ?", keepOrders},
	} {
		if _, err := tx.Exec(d.statement, d.argument); err != nil {
			return fmt.Errorf("prune: %w", err)
		}
	}
	return nil
}

// pruneLists deletes the connect attempts beyond those that count, and the steps of gaps that are gone.
func pruneLists(tx *sql.Tx, c *ledger.Commit) error {
	_, err := tx.Exec("DELETE FROM connects WHERE id BETWEEN ? AND ?", len(c.Connects), int64(math.MaxInt64))
	if err != nil || c.Steps == nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM steps WHERE id BETWEEN ? AND ?", len(c.Steps), int64(math.MaxInt64))
	return err
}

// backup copies the ledger, whole or not at all.
func (s *Store) backup() error {
	path := filepath.Join(s.dir, backupName)
	temp := path + ".new"
	if err := sqlfile.Discard(temp); err != nil {
		return err
	}
	if err := sqlfile.Create(temp); err != nil {
		return fmt.Errorf("back the ledger up: %w", err)
	}
	_, err := s.db.Exec("VACUUM INTO ?", temp)
	if err == nil {
		err = durable.File(temp)
	}
	if err == nil {
		crashpoint.Here("backup-written")
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("back the ledger up: %w", err), durable.Remove(temp))
	}
	return durable.Dir(s.dir)
}
