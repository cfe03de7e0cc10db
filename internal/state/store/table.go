package store

import (
	"encoding/binary"
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// summed encodes the table's name and the row's key and values, as docs/state.md says.
func summed(dst []byte, table string, row []any) ([]byte, error) {
	dst = append(dst, table...)
	for _, v := range row {
		switch v := v.(type) {
		case int64:
			dst = binary.BigEndian.AppendUint64(append(dst, 'i'), uint64(v))
		case string:
			dst = binary.BigEndian.AppendUint64(append(dst, 's'), uint64(len(v)))
			dst = append(dst, v...)
		default:
			return dst, fmt.Errorf("%w: a %T", sqlfile.ErrRow, v)
		}
	}
	return dst, nil
}
