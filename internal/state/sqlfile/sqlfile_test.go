package sqlfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAFileThatCannotBeWritten: SQLite's error is the same where the header forbids to write and where something else
// does; only the first is damage.
func TestAFileThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	write := func(pragmas ...string) error {
		db, err := Open(path, Access{Mode: "rw", Pragmas: pragmas})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Exec("CREATE TABLE IF NOT EXISTS a (b); INSERT INTO a VALUES (1)")
		return err
	}
	require.NoError(t, write("journal_mode(WAL)"))

	other := write("query_only(1)")
	require.ErrorContains(t, other, "readonly")
	require.False(t, Proves(other))
	require.Equal(t, other, Blame(path, other))
	require.False(t, Proves(Blame(filepath.Join(t.TempDir(), "none"), other)))
	require.NoError(t, Blame(path, nil))

	page, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, byte(newestWriteVersion), page[writeVersionAt])
	for bit := range 8 {
		one := append([]byte(nil), page...)
		one[writeVersionAt] ^= 1 << bit
		require.NoError(t, os.WriteFile(path, one, 0o600))
		if one[writeVersionAt] == 0 { // older than any, which SQLite takes
			require.NoError(t, write())
			continue
		}
		err := write()
		require.ErrorContains(t, err, "readonly", bit)
		require.False(t, Proves(err), bit)
		require.True(t, Proves(Blame(path, err)), bit)
		require.ErrorIs(t, Blame(path, err), err, bit)
	}
}
