package sqlfile

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMigrate(t *testing.T) {
	path := closedWith(t, someThings(3, 1, 1))
	db, err := Open(path, Writing())
	require.NoError(t, err)
	defer db.Close()
	no := errors.New("no")
	err = Migrate(db, thingsApplication, []Migration{nil, thingsSecond, func(tx *sql.Tx) error {
		_, err := tx.Exec("DROP TABLE things")
		return errors.Join(err, no)
	}})
	require.ErrorIs(t, err, no)
	require.ErrorContains(t, err, "migrate to version 3")
	require.Equal(t, 2, versionOf(t, db), "what went before stays, what failed is undone")
	_, err = db.Exec("INSERT INTO others VALUES (1)")
	require.NoError(t, err)
	got, _, err := things.All(db)
	require.NoError(t, err)
	require.Len(t, got, 3)

	require.NoError(t, Migrate(db, thingsApplication, []Migration{nil, nil}), "none is done twice")
}

func versionOf(t *testing.T, db *sql.DB) (version int) {
	t.Helper()
	require.NoError(t, db.QueryRow("PRAGMA user_version").Scan(&version))
	return version
}

// TestMigrateWrites: only so is it known at the start that the file can be written.
func TestMigrateWrites(t *testing.T) {
	path := closedWith(t, nil)
	db, err := Open(path, Reading)
	require.NoError(t, err)
	defer db.Close()
	require.Error(t, Migrate(db, thingsApplication, thingsMigrations))
}

// TestAFlippedVersion is never a newer one, and is put right.
func TestAFlippedVersion(t *testing.T) {
	path := closedWith(t, someThings(3, 1, 1))
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, Version(page, thingsApplication))
	for at := UserVersionAt; at < ApplicationAt+4; at++ {
		for bit := range 8 {
			page[at] ^= 1 << bit
			require.LessOrEqual(t, Version(page, thingsApplication), 1, "bit %d of byte %d", bit, at)
			one := copied(t, path)
			require.NoError(t, os.WriteFile(one, page, 0o600))
			page[at] ^= 1 << bit
			db, err := Open(one, Writing())
			require.NoError(t, err)
			if err = Migrate(db, thingsApplication, thingsMigrations); err != nil {
				require.True(t, Proves(err), "%v", err) // negative, or 0: the tables are there
			} else {
				require.Equal(t, 1, versionOf(t, db))
			}
			require.NoError(t, db.Close())
			if err == nil {
				require.Equal(t, Inspected{Version: 1}, inspected(t, one), "bit %d of byte %d", bit, at)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	for _, c := range []struct {
		user, id uint32
		want     int
	}{
		{7, thingsApplication | 7, 7},
		{0, thingsApplication, 0},
		{7, thingsApplication | 6, 0}, // a bit apart
		{5, thingsApplication | 6, 5}, // two bits: it was written so
		{7, 0, 0},                     // nobody's
		{7, thingsApplication + 1<<16 | 7, 0},
		{0x1_0007, thingsApplication | 7, 0},
		{0xffff_ffff, thingsApplication | 7, 0},
	} {
		page := make([]byte, HeaderLen)
		binary.BigEndian.PutUint32(page[UserVersionAt:], c.user)
		binary.BigEndian.PutUint32(page[ApplicationAt:], c.id)
		require.Equal(t, c.want, Version(page, thingsApplication), "%x %x", c.user, c.id)
		require.Zero(t, Version(page[:HeaderLen-1], thingsApplication))
	}
}

// TestHowFilesAreOpened holds the accesses to what they promise.
func TestHowFilesAreOpened(t *testing.T) {
	path := filepath.Join(scratch(t), "a.db")
	_, err := Open(path, Writing())
	require.Error(t, err, "only Create makes one")
	require.NoError(t, Create(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	pragma := func(db *sql.DB, name string) (value string) {
		require.NoError(t, db.QueryRow("PRAGMA "+name).Scan(&value))
		return value
	}
	db, err := Open(path, Building("auto_vacuum(INCREMENTAL)"))
	require.NoError(t, err)
	require.NoError(t, Migrate(db, thingsApplication, thingsMigrations))
	require.Equal(t, "2", pragma(db, "auto_vacuum"))
	require.Equal(t, "memory", pragma(db, "journal_mode"))
	require.NoError(t, db.Close())
	require.NoFileExists(t, path+LogSuffix)

	writer, err := Open(path, Writing())
	require.NoError(t, err)
	defer writer.Close()
	for _, name := range []string{"journal_mode=wal", "synchronous=2", "journal_size_limit=4194304", "busy_timeout=5000"} {
		name, want, _ := strings.Cut(name, "=")
		require.Equal(t, want, pragma(writer, name), name)
	}
	put(t, writer, thing{key: 1})
	for _, a := range []Access{Reading, Salvaging} {
		reader, err := Open(path, a)
		require.NoError(t, err)
		got, _, err := things.All(reader)
		require.NoError(t, err)
		require.Len(t, got, 1, "it sees the latest commit")
		_, err = reader.Exec("DELETE FROM things")
		require.Error(t, err, "and writes nothing")
		require.NoError(t, reader.Close())
	}
	joined, err := Open(path, Joining)
	require.NoError(t, err)
	put(t, joined, thing{key: 2})
	require.Equal(t, "wal", pragma(joined, "journal_mode"))
	require.Equal(t, "2", pragma(joined, "synchronous"))
	require.NoError(t, joined.Close())
	got, _, err := things.All(writer)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.NoError(t, Create(path), "one that is there stays as it is")
}
