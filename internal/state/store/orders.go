package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// Orders are those that have no Answer yet, oldest first.
func (s *Store) Orders() ([]ledger.Order, error) {
	db := s.polled.Load()
	if db == nil {
		return nil, nil // until the ledger can be opened again
	}
	open, _, err := orders.Where(db, sqlfile.All,
		"NOT EXISTS (SELECT 1 FROM answers WHERE answers.id = orders.id)")
	if err != nil {
		return nil, err
	}
	for i := range open {
		of, _, err := ordersTweets.Where(db, sqlfile.Keys{From: open[i].ID, To: open[i].ID}, "true")
		if err != nil {
			return nil, err
		}
		if len(of) > 0 {
			open[i].Sent = of[0].sent
		}
	}
	return open, nil
}

// PlaceOrder leaves an order for the process that owns the directory, now or later, and returns its id; that of o
// does not matter.
func PlaceOrder(dir string, o ledger.Order) (id int64, err error) {
	r, err := OpenReader(dir) // the ledger is there, and ours
	if err != nil {
		return 0, err
	}
	if err := r.Close(); err != nil {
		return 0, err
	}
	db, err := sqlfile.Open(filepath.Join(dir, dbName), sqlfile.Joining)
	if err != nil {
		return 0, fmt.Errorf("place an order in %s: %w", dir, err)
	}
	err = sqlfile.InTx(db, func(tx *sql.Tx) error {
		last := "SELECT max((SELECT ifnull(max(id), 0) FROM orders), (SELECT ifnull(max(id), 0) FROM answers))"
		if err := tx.QueryRow(last).Scan(&o.ID); err != nil {
			return err
		}
		o.ID++
		if len(o.Sent) > 0 {
			if err := ordersTweets.Put(tx, orderTweets{o.ID, o.Sent}); err != nil {
				return err
			}
		}
		return orders.Put(tx, o)
	})
	if err = errors.Join(err, db.Close()); err != nil {
		return 0, fmt.Errorf("place an order in %s: %w", dir, err)
	}
	return o.ID, nil
}
