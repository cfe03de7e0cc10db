package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
)

// table says how records of type T are rows: an integer key, columns of integers and texts, a checksum.
type table[T any] struct {
	name    string
	columns string // besides id and checksum
	since   int    // the version that began it; 0: the first
	key     func(*T) int64
	values  func(*T) []any           // int64 or string, as columns
	record  func(*fields) (T, error) // takes id, then the columns
}

// fields are the values of a row, taken one by one. The first of a wrong type is kept as an error.
type fields struct {
	values []any
	err    error
}

func take[V int64 | string](f *fields) (v V) {
	v, ok := f.values[0].(V)
	if !ok && f.err == nil {
		f.err = fmt.Errorf("%w: a %T where a %T is due", errRow, f.values[0], v)
	}
	f.values = f.values[1:]
	return v
}

func (f *fields) int() int64   { return take[int64](f) }
func (f *fields) text() string { return take[string](f) }
func (f *fields) bool() bool   { return f.int() != 0 }

var errRow = errors.New("row is damaged")

// checksum is the crc32c of the table's name and the row's key and values.
func checksum(name string, values []any) int64 {
	b := append(make([]byte, 0, 256), name...)
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		case string:
			b = binary.BigEndian.AppendUint64(append(b, 's'), uint64(len(v)))
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("BUG: a %T in a row of %s", v, name))
		}
	}
	return int64(crc32.Checksum(b, castagnoli))
}

func (t *table[T]) row(r *T) []any {
	values := append([]any{t.key(r)}, t.values(r)...)
	return append(values, checksum(t.name, values))
}

func (t *table[T]) width() int { return strings.Count(t.columns, ",") + 3 }

// put inserts the records, or puts them in the place of those with the same key.
func (t *table[T]) put(tx *sql.Tx, records []T) error {
	if len(records) == 0 {
		return nil
	}
	marks := strings.Repeat(", ?", t.width()-1)
	stmt, err := tx.Prepare("REPLACE INTO " + t.name + " (id, " + t.columns + ", checksum) VALUES (?" + marks + ")")
	if err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	defer stmt.Close()
	for i := range records {
		if _, err := stmt.Exec(t.row(&records[i])...); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	return nil
}

// queryer is a database, or a transaction that sees one state of it.
type queryer interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

// where reads the records with lo ≤ key ≤ hi for which the condition holds, in the order of their keys. Rows whose
// checksum does not fit are left out and counted. An error means that not all rows could be read.
func (t *table[T]) where(db queryer, lo, hi int64, condition string) (records []T, bad int, err error) {
	rows, err := db.Query("SELECT id, "+t.columns+", checksum FROM "+t.name+" WHERE id BETWEEN ? AND ? AND "+condition+" ORDER BY id", lo, hi)
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", t.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := t.scan(rows)
		switch {
		case errors.Is(err, errRow):
			bad++
		case err != nil:
			return records, bad, fmt.Errorf("read %s: %w", t.name, err)
		default:
			records = append(records, r)
		}
	}
	if err := rows.Err(); err != nil {
		return records, bad, fmt.Errorf("read %s: %w", t.name, err)
	}
	return records, bad, nil
}

// missing reports whether an error says that the ledger is of a version that had no such table.
func (t *table[T]) missing(err error) bool {
	return err != nil && t.since > 1 && strings.Contains(err.Error(), "no such table: "+t.name)
}

func (t *table[T]) all(db queryer) ([]T, int, error) {
	return t.where(db, math.MinInt64, math.MaxInt64, "true")
}

func (t *table[T]) scan(rows *sql.Rows) (r T, err error) {
	values := make([]any, t.width())
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return r, err
	}
	last := len(values) - 1
	for _, v := range values {
		switch v.(type) {
		case int64, string:
		default:
			return r, errRow
		}
	}
	if values[last] != checksum(t.name, values[:last]) {
		return r, errRow
	}
	f := &fields{values: values[:last]}
	if r, err = t.record(f); err != nil {
		return r, err
	}
	return r, f.err
}
