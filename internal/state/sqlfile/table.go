package sqlfile

import (
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// ErrRow says that a row does not hold what was written.
var ErrRow = errors.New("row is damaged")

// Table says how records of type T are rows: an integer key in the column id, the columns, and a checksum. How what it
// sums up is encoded is the table's, since files that are there must stay readable.
type Table[T any] struct {
	Name    string
	Columns string // with commas between, between id and checksum
	Since   int    // the version that began it; 0: the first
	Key     func(*T) int64
	Values  func(*T) []any          // int64, string or []byte, as Columns
	Record  func(*Taken) (T, error) // takes the key, then the columns; any error says that the row is damaged
	Summed  Encoder
}

// Encoder appends to dst what the checksum of a row is made of: the key and the columns are given. An error says that
// one is of a type that the table does not write.
type Encoder func(dst []byte, table string, row []any) ([]byte, error)

// Queryer is a database, a connection of it, or a transaction that sees one state of it.
type Queryer interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

// Names are those of all columns, as in a statement.
func (t *Table[T]) Names() string { return "id, " + t.Columns + ", checksum" }

// Width is how many columns there are in all.
func (t *Table[T]) Width() int { return strings.Count(t.Columns, ",") + 3 }

// Row is a record as it is stored, its columns in the order of Names.
func (t *Table[T]) Row(r *T) []any {
	row := append([]any{t.Key(r)}, t.Values(r)...)
	sum, err := t.checksum(row)
	if err != nil {
		panic(fmt.Sprintf("BUG: a row of %s that it cannot have: %v", t.Name, err))
	}
	return append(row, sum)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (t *Table[T]) checksum(row []any) (int64, error) {
	b, err := t.Summed(make([]byte, 0, 256), t.Name, row)
	return int64(crc32.Checksum(b, castagnoli)), err
}

// Parse is the inverse of Row. Its error is an ErrRow.
func (t *Table[T]) Parse(row []any) (r T, err error) {
	last := t.Width() - 1
	sum, err := t.checksum(row[:last])
	if err != nil || row[last] != sum {
		return r, ErrRow
	}
	taken := Take(row[:last])
	if r, err = t.Record(taken); err == nil {
		err = taken.Err()
	}
	if err != nil {
		return r, errors.Join(ErrRow, err)
	}
	return r, nil
}

// Put inserts the records, or puts them in the place of those with the same key.
func (t *Table[T]) Put(tx *sql.Tx, records ...T) error {
	if len(records) == 0 {
		return nil
	}
	marks := strings.Repeat(", ?", t.Width()-1)
	stmt, err := tx.Prepare("REPLACE INTO " + t.Name + " (" + t.Names() + ") VALUES (?" + marks + ")")
	if err != nil {
		return fmt.Errorf("write %s: %w", t.Name, err)
	}
	defer stmt.Close()
	for i := range records {
		if _, err := stmt.Exec(t.Row(&records[i])...); err != nil {
			return fmt.Errorf("write %s: %w", t.Name, err)
		}
	}
	return nil
}

// Where reads the records of a range of keys for which the condition holds, in the order of their keys. Rows whose
// checksum does not fit are left out and counted. A table that the file's version does not have yet holds none. With an
// error the records are those that came before it.
func (t *Table[T]) Where(db Queryer, k Keys, condition string) (records []T, bad int, err error) {
	p := t.read(db, k, condition, "ASC")
	if p.err == nil {
		return p.records, p.bad, nil
	}
	if t.absent(db) {
		return nil, 0, nil
	}
	return p.records, p.bad, fmt.Errorf("read %s: %w", t.Name, p.err)
}

// All reads the whole table, as Where.
func (t *Table[T]) All(db Queryer) (records []T, bad int, err error) {
	return t.Where(db, All, "true")
}

// absent reports whether the file is of a version that had no such table.
func (t *Table[T]) absent(db Queryer) bool {
	if t.Since <= 1 {
		return false
	}
	rows, err := db.Query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", t.Name)
	if err != nil {
		return false
	}
	defer rows.Close()
	return !rows.Next() && rows.Err() == nil
}

// part is what one query brought.
type part[T any] struct {
	records []T
	bad     int
	last    int64 // the key of the last row, be it a bad one
	any     bool  // there was one
	err     error // why the rest did not come
}

func (t *Table[T]) read(db Queryer, k Keys, condition, order string) (p part[T]) {
	rows, err := db.Query("SELECT "+t.Names()+" FROM "+t.Name+" WHERE id BETWEEN ? AND ? AND "+condition+" ORDER BY id "+order, k.From, k.To)
	if err != nil {
		return part[T]{err: err}
	}
	defer rows.Close()
	row, into := Scanned(t.Width())
	for rows.Next() {
		if p.err = rows.Scan(into...); p.err != nil {
			return p
		}
		if key, ok := row[0].(int64); ok {
			p.last, p.any = key, true
		}
		r, err := t.Parse(row)
		if err != nil {
			p.bad++
			continue
		}
		p.records = append(p.records, r)
	}
	p.err = rows.Err()
	return p
}
