package spool

import (
	"encoding/binary"
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

var entries = sqlfile.Table[row]{
	Name:    "entries",
	Summed:  summedEntry,
	Columns: "at_ns, tweets, lines_crc",
	Key:     func(r *row) int64 { return r.id },
	Values:  func(r *row) []any { return []any{r.at, r.manifest, r.crc} },
	Record: func(f *sqlfile.Taken) (r row, err error) {
		r = row{id: f.Int(), at: f.Int(), manifest: f.Bytes(), crc: f.Int()}
		if r.id < 1 || r.id > maxID {
			return r, fmt.Errorf("no entry has the number %d", r.id)
		}
		r.tweets, err = decode(r.manifest)
		return r, err
	},
}

// summedEntry encodes all but the number: the file gives it.
func summedEntry(dst []byte, _ string, row []any) ([]byte, error) {
	f := sqlfile.Take(row[1:])
	at, manifest, crc := f.Int(), f.Bytes(), f.Int()
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	dst = binary.BigEndian.AppendUint64(dst, uint64(crc))
	return append(dst, manifest...), f.Err()
}

var refused = sqlfile.Table[refusal]{
	Name:    "refused",
	Summed:  summedRefusal,
	Columns: `"partition", line, why, at_ns`,
	Key:     func(r *refusal) int64 { return int64(r.sent.ID) },
	Values: func(r *refusal) []any {
		return []any{int64(r.sent.Partition), r.line, []byte(r.why), r.at}
	},
	Record: func(f *sqlfile.Taken) (refusal, error) {
		sent := ledger.Sent{ID: snowflake.ID(f.Int()), Partition: int32(f.Int())}
		return refusal{sent: sent, line: f.Bytes(), why: string(f.Bytes()), at: f.Int()}, nil
	},
}

func summedRefusal(dst []byte, _ string, row []any) ([]byte, error) {
	f := sqlfile.Take(row)
	id, partition, line, why, at := f.Int(), f.Int(), f.Bytes(), f.Bytes(), f.Int()
	for _, n := range []int64{id, partition, at, int64(len(line))} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	return append(append(dst, line...), why...), f.Err()
}
