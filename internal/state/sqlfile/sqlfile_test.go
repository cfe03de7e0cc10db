package sqlfile

import (
	"database/sql"
	"errors"
	"fmt"
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

// TestWhoseFaultAnErrorIs: what a file holds, or anything else.
func TestWhoseFaultAnErrorIs(t *testing.T) {
	path := filepath.Join(scratch(t), "a.db")
	db := opened(t, path)
	put(t, db, someThings(100, 1, 1)...)
	failing := func(statement string) error {
		_, err := db.Exec(statement)
		require.Error(t, err, statement)
		return err
	}
	for _, statement := range []string{"SELECT 1 FROM nothing", "INSERT INTO things (id) VALUES (1)", "INSERT INTO things (id) VALUES ('text')"} {
		require.True(t, Proves(failing(statement)), statement)
		require.False(t, OfItsContent(failing(statement)), statement)
	}
	other, err := Open(path, Access{Mode: "rw", Pragmas: []string{"busy_timeout(0)"}})
	require.NoError(t, err)
	defer other.Close()
	held, err := other.Begin()
	require.NoError(t, err)
	locked := failing("PRAGMA busy_timeout(0); DELETE FROM things")
	require.False(t, Proves(locked), "%v", locked)
	require.NoError(t, held.Rollback())
	for _, err := range []error{nil, os.ErrPermission, sql.ErrNoRows} {
		require.False(t, Proves(err) || OfItsContent(err), err)
	}
	require.True(t, Proves(fmt.Errorf("read: %w", ErrRow)))
}

func TestABrokenPageIsOfItsContent(t *testing.T) {
	path := closedWith(t, someThings(100, 1, 1))
	breakPages(t, path, leaves(t, path)[2])
	db, err := Open(path, Reading)
	require.NoError(t, err)
	_, _, err = things.All(db)
	require.True(t, OfItsContent(err), "%v", err)
	require.True(t, Proves(err))
	complaints, err := Check(db, "quick_check", 1)
	require.NoError(t, err)
	require.Len(t, complaints, 1)
	require.Contains(t, complaints[0], "page")
	require.NotContains(t, complaints[0], "***", "the line that says what is wrong, not the one before it")
	require.NoError(t, db.Close())

	require.NoError(t, os.WriteFile(path, make([]byte, 5000), 0o600))
	_, err = Open(path, Writing())
	require.True(t, OfItsContent(err), "no database: %v", err)
}

func TestCheckOfASoundFile(t *testing.T) {
	db := opened(t, filepath.Join(scratch(t), "a.db"))
	for _, pragma := range []string{"quick_check", "integrity_check"} {
		complaints, err := Check(db, pragma, 10)
		require.NoError(t, err)
		require.Empty(t, complaints)
	}
}

func TestInTx(t *testing.T) {
	db := opened(t, filepath.Join(scratch(t), "a.db"))
	no := errors.New("no")
	err := InTx(db, func(tx *sql.Tx) error { return errors.Join(things.Put(tx, thing{key: 1}), no) })
	require.ErrorIs(t, err, no)
	got, _, err := things.All(db)
	require.NoError(t, err)
	require.Empty(t, got, "nothing of it stays")
	put(t, db, thing{key: 2}) // the connection is free again
}

func TestFirstLine(t *testing.T) {
	require.Equal(t, "one", FirstLine("one\ntwo"))
	require.Equal(t, "one", FirstLine("one"))
	require.Empty(t, FirstLine("\ntwo"))
}
