package spool

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

var errRow = errors.New("row is damaged")

// table says how records of type T are rows.
type table[T any] struct {
	name, columns string
	width         int
	key           func(*T) int64
	values        func(*T) []any
	record        func(values []any) (T, error) // any error is errRow
}

var entries = table[row]{
	name: "entries", columns: "id, at_ns, tweets, lines_crc, checksum", width: 5,
	key: func(r *row) int64 { return r.id },
	values: func(r *row) []any {
		return []any{r.id, r.at, r.manifest, r.crc, r.checksum()}
	},
	record: func(values []any) (r row, err error) {
		var sum int64
		if !take(values, &r.id, &r.at, &r.manifest, &r.crc, &sum) {
			return r, errRow
		}
		if sum != r.checksum() || r.id < 1 || r.id > maxID {
			return r, errRow
		}
		if r.tweets, err = decode(r.manifest); err != nil {
			return r, errors.Join(errRow, err)
		}
		return r, nil
	},
}

var refused = table[refusal]{
	name: "refused", columns: `id, "partition", line, why, at_ns, checksum`, width: 6,
	key: func(r *refusal) int64 { return int64(r.sent.ID) },
	values: func(r *refusal) []any {
		return []any{int64(r.sent.ID), int64(r.sent.Partition), r.line, []byte(r.why), r.at, r.checksum()}
	},
	record: func(values []any) (r refusal, err error) {
		var id, partition, sum int64
		var why []byte
		ok := take(values, &id, &partition, &r.line, &why, &r.at, &sum)
		r.sent, r.why = ledger.Sent{ID: snowflake.ID(id), Partition: int32(partition)}, string(why)
		if !ok || sum != r.checksum() {
			return r, errRow
		}
		return r, nil
	},
}

// take puts the values of a row into integers and bytes, and reports whether all are of the right type. Empty bytes
// come back as none.
func take(values []any, into ...any) bool {
	for i, p := range into {
		ok := true
		switch p := p.(type) {
		case *int64:
			*p, ok = values[i].(int64)
		case *[]byte:
			switch v := values[i].(type) {
			case []byte:
				*p = v
			case string:
				*p = []byte(v)
			default:
				ok = v == nil
			}
		default:
			panic(fmt.Sprintf("BUG: a %T in a row", p))
		}
		if !ok {
			return false
		}
	}
	return true
}

// columns are n values, and where to scan them to.
func columns(n int) (values, into []any) {
	values, into = make([]any, n), make([]any, n)
	for i := range values {
		into[i] = &values[i]
	}
	return values, into
}

// put inserts a record, or puts it in the place of the one with the same key.
func (t *table[T]) put(tx *sql.Tx, r *T) error {
	marks := strings.Repeat(", ?", t.width-1)
	_, err := tx.Exec("REPLACE INTO "+t.name+" ("+t.columns+") VALUES (?"+marks+")", t.values(r)...)
	return err
}

// queryer is a database, or a transaction.
type queryer interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

// onConn is a connection as a queryer.
type onConn struct{ *sql.Conn }

func (c onConn) Query(query string, args ...any) (*sql.Rows, error) {
	return c.QueryContext(context.Background(), query, args...)
}

// span is a range of keys, both ends in it.
type span struct{ lo, hi int64 }

var everything = span{math.MinInt64, math.MaxInt64}

// where reads the records of a range, upwards or downwards. Rows whose checksum does not fit are left out and counted.
// With an error the records are those that came before it.
func (t *table[T]) where(db queryer, s span, order string) (records []T, bad int, err error) {
	rows, err := db.Query("SELECT "+t.columns+" FROM "+t.name+" WHERE id BETWEEN ? AND ? ORDER BY id "+order, s.lo, s.hi)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	values, into := columns(t.width)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return records, bad, err
		}
		r, err := t.record(values)
		if err != nil {
			bad++
			continue
		}
		records = append(records, r)
	}
	return records, bad, rows.Err()
}

const (
	// rescueQueries bounds the search for readable rows, to a fraction of a second.
	rescueQueries = 4_000
	// beyond is how far after the last row that can be read others are searched, where none can be read from behind.
	beyond = 1 << 16
)

// rescue reads what can be read of a table: from its begin up to the first broken page, from its end down to the last,
// and between them by halving the range again and again. The error is what made that necessary.
func (t *table[T]) rescue(db queryer) (records []T, bad int, err error) {
	records, bad, err = t.where(db, everything, "ASC")
	if err == nil {
		return records, bad, nil
	}
	between := everything
	if n := len(records); n > 0 {
		between = span{t.key(&records[n-1]) + 1, t.key(&records[n-1]) + beyond}
	}
	behind, worse, _ := t.where(db, span{between.lo, math.MaxInt64}, "DESC")
	if len(records)+len(behind) == 0 {
		return nil, bad + worse, err
	}
	if n := len(behind); n > 0 {
		between = span{max(between.lo, t.key(&behind[n-1])-beyond), t.key(&behind[n-1]) - 1}
	}
	middle, worst := t.halve(db, between)
	records = slices.Concat(records, middle, behind)
	slices.SortStableFunc(records, func(a, b T) int { return cmp.Compare(t.key(&a), t.key(&b)) })
	records = slices.CompactFunc(records, func(a, b T) bool { return t.key(&a) == t.key(&b) })
	return records, bad + worse + worst, err
}

func (t *table[T]) halve(db queryer, s span) (records []T, bad int) {
	queue := []span{s}
	for n := 0; len(queue) > 0 && n < rescueQueries; n++ {
		s, queue = queue[0], queue[1:]
		part, wrong, err := t.where(db, s, "ASC")
		switch {
		case err == nil:
			records, bad = append(records, part...), bad+wrong
		case s.lo < s.hi:
			mid := s.lo + (s.hi-s.lo)/2
			queue = append(queue, span{s.lo, mid}, span{mid + 1, s.hi})
		}
	}
	return records, bad
}
