package spool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// TestAReaderDoesNotFillTheDisk: while somebody has a query open the log cannot begin anew; it counts against the limit, and
// the error says why. When the query ends there is room again.
func TestAReaderDoesNotFillTheDisk(t *testing.T) {
	dir := scratch(t)
	const limit = 4 << 20
	s, _, err := Open(dir, limit)
	require.NoError(t, err)
	m := newMaker(1)
	path := filepath.Join(dir, dbName)
	other, err := sqlfile.Open(path, sqlfile.Reading)
	require.NoError(t, err)
	tx, err := other.Begin()
	require.NoError(t, err)
	var n int
	require.NoError(t, tx.QueryRow("SELECT count(*) FROM entries").Scan(&n))
	for range 300 {
		var id int64
		if id, err = s.Append(m.entry(50, 3000)); err != nil {
			break
		}
		require.NoError(t, s.Remove(id))
	}
	require.ErrorIs(t, err, ErrFull)
	require.ErrorContains(t, err, "query")
	info, err := os.Stat(path + sqlfile.LogSuffix)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(limit+usualLog+2<<20))
	require.NoError(t, tx.Rollback())
	require.NoError(t, other.Close())
	for range 3 {
		_, err = s.Append(m.entry(50, 3000))
		if err == nil {
			break
		}
		require.NoError(t, s.Remove(1)) // any write lets SQLite begin the log anew
	}
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
