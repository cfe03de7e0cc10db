package spool

import (
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// afterLoss is how many numbers are left out where it is not known which was the last.
const afterLoss = 1_000_000

// tweets are the ids that a Tweet can have.
var tweets = sqlfile.Keys{From: 0, To: math.MaxInt64}

// numbers are those that entries can have, as far as it is known which was the last.
func numbers(old *sql.DB) sqlfile.Keys {
	last, err := sequence(old)
	if err != nil || last == 0 {
		last = afterLoss
	}
	return sqlfile.Keys{From: 1, To: last}
}

// salvage copies what can be read. An error is one of this machine, not of the file: nothing is given up for it.
func (o *opening) salvage(to *sql.DB) error {
	old, err := sqlfile.Open(o.path, sqlfile.Salvaging)
	if err != nil && !sqlfile.Proves(err) {
		return err
	}
	if err != nil {
		o.notes = append(o.notes, "nothing of it can be read: "+sqlfile.FirstLine(err.Error()))
		return nil
	}
	defer old.Close()
	found, err := entries.Rescue(old, numbers(old))
	if err != nil {
		return err
	}
	if found.Bad > 0 {
		o.notes = append(o.notes, fmt.Sprintf("entries: %d cannot be read", found.Bad))
	}
	if found.Broken != nil {
		o.notes = append(o.notes, "entries: others cannot be read: "+sqlfile.FirstLine(found.Broken.Error()))
	}
	quarantine, err := refused.Rescue(old, tweets)
	if err != nil {
		return err
	}
	if quarantine.Bad > 0 || quarantine.Broken != nil {
		o.notes = append(o.notes, fmt.Sprintf("quarantine: %d rows are kept, others cannot be read", len(quarantine.Records)))
	}
	return sqlfile.InTx(to, func(tx *sql.Tx) error { return o.keep(tx, old, found.Records, quarantine.Records) })
}

func (o *opening) keep(tx *sql.Tx, old *sql.DB, rows []row, refusals []refusal) error {
	lost := 0
	for i := range rows {
		whole, err := move(tx, old, &rows[i])
		if err != nil {
			return err
		}
		if !whole {
			lost++
		}
	}
	if lost > 0 {
		o.notes = append(o.notes, fmt.Sprintf("the lines of %d entries of %d are lost", lost, len(rows)))
	}
	if err := refused.Put(tx, refusals...); err != nil {
		return err
	}
	return countOn(tx, old, rows)
}

// move copies an entry, without its lines if they cannot be read.
func move(tx *sql.Tx, old *sql.DB, r *row) (whole bool, err error) {
	if err := entries.Put(tx, *r); err != nil {
		return false, err
	}
	var lines []byte
	err = old.QueryRow("SELECT lines FROM lines WHERE id = ?", r.id).Scan(&lines)
	if err != nil && !errors.Is(err, sql.ErrNoRows) && !sqlfile.Proves(err) {
		return false, err
	}
	if err != nil || !r.fits(lines) {
		return false, nil //nolint:nilerr // it is told as lost
	}
	_, err = tx.Exec("INSERT INTO lines (id, lines) VALUES (?, ?)", r.id, lines)
	return true, err
}

// countOn lets the numbers go on after all that there ever were.
func countOn(tx *sql.Tx, old *sql.DB, rows []row) error {
	last, err := sequence(old)
	if err != nil || last == 0 {
		last = afterLoss
		if n := len(rows); n > 0 {
			last += rows[n-1].id
		}
	}
	_, err = tx.Exec("DELETE FROM sqlite_sequence")
	_, putErr := tx.Exec("INSERT INTO sqlite_sequence (name, seq) VALUES ('entries', ?)", last)
	return errors.Join(err, putErr)
}
