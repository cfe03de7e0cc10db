package audit

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// sqliteTweets is a database as outputs.sql makes it, with the Tweets of two minutes, one of them twice.
func sqliteTweets(t *testing.T) (path string, db *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a b%20.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec(`CREATE TABLE "decahose_tweet"("timestamp" TIMESTAMP,"kind" TEXT,"stream_label" TEXT,"id" BIGINT,"text" TEXT)`)
	require.NoError(t, err)
	for _, id := range append(append(idsOf(noon, 30), idsOf(noon+1, 20)...), idsOf(noon, 1)...) {
		_, err = db.Exec(`INSERT INTO decahose_tweet VALUES (?, 'original', 'prod', ?, 'x'), (?, 'original', 'other', ?, 'x')`,
			id.Time(), int64(id), id.Time(), int64(id)+1)
		require.NoError(t, err)
	}
	return path, db
}

func open(t *testing.T, c Config) Store {
	t.Helper()
	c.StreamLabel, c.Timeout = "prod", time.Minute
	s, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestSQLite(t *testing.T) {
	path, _ := sqliteTweets(t)
	s := open(t, Config{Type: sqliteType, DSN: path})
	counts, err := s.Counts(t.Context(), noon-5, noon+5)
	require.NoError(t, err)
	require.Equal(t, map[timeline.Minute]int64{noon: 30, noon + 1: 20}, counts)
	counts, err = s.Counts(t.Context(), noon+1, noon+2)
	require.NoError(t, err)
	require.Equal(t, map[timeline.Minute]int64{noon + 1: 20}, counts)
	ids, err := s.IDs(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, idsOf(noon, 30), ids)
	require.Zero(t, s.Rounds())
}

// The user's own queries.
func TestOwnQueries(t *testing.T) {
	path, _ := sqliteTweets(t)
	s := open(t, Config{Type: sqliteType, DSN: path,
		CountQuery: `SELECT {from_ns} / 60000000000, count(*) FROM decahose_tweet WHERE id >= {from_id} AND id < {to_id} AND stream_label = {stream_label}`})
	counts, err := s.Counts(t.Context(), noon, noon+1)
	require.NoError(t, err)
	require.Equal(t, map[timeline.Minute]int64{noon: 31}, counts)
	_, err = s.IDs(t.Context(), noon)
	require.ErrorIs(t, err, ErrNoIDs, "our query may be about another table")
	s = open(t, Config{Type: sqliteType, DSN: path, CountQuery: `SELECT 1`, IDsQuery: `SELECT id FROM decahose_tweet WHERE id = {from_id} + 1`})
	_, err = s.Counts(t.Context(), noon, noon+1)
	require.ErrorContains(t, err, "2 are due")
	ids, err := s.IDs(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, idsOf(noon, 1), ids)
	s = open(t, Config{Type: sqliteType, DSN: path, CountQuery: `SELECT 'noon', 5`})
	_, err = s.Counts(t.Context(), noon, noon+1)
	require.ErrorContains(t, err, "a minute and a count are due")
}

// Another schema is told by table and column; nothing is ever written.
func TestSchema(t *testing.T) {
	path, db := sqliteTweets(t)
	_, err := open(t, Config{Type: sqliteType, DSN: path, Table: "tweets"}).Counts(t.Context(), noon, noon+1)
	require.ErrorContains(t, err, `table "tweets"`)
	_, err = db.Exec(`ALTER TABLE decahose_tweet RENAME COLUMN id TO tweet`)
	require.NoError(t, err)
	_, err = open(t, Config{Type: sqliteType, DSN: path}).Counts(t.Context(), noon, noon+1)
	require.ErrorContains(t, err, "no such column: id")
	require.ErrorContains(t, err, `"decahose_tweet" with the columns id and stream_label`)
	_, err = open(t, Config{Type: sqliteType, DSN: path, CountQuery: `DELETE FROM decahose_tweet RETURNING 1, 2`}).Counts(t.Context(), noon, noon+1)
	require.ErrorContains(t, err, "readonly")
	_, err = Open(t.Context(), Config{Type: sqliteType, DSN: filepath.Join(t.TempDir(), "none.db")})
	require.Error(t, err, "a file that is not there is not made")
}

func TestASlowStoreIsLeft(t *testing.T) {
	path, _ := sqliteTweets(t)
	s := open(t, Config{Type: sqliteType, DSN: path,
		CountQuery: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i), 1 FROM n`})
	_, err := within(t.Context(), 50*time.Millisecond, func(ctx context.Context) (map[timeline.Minute]int64, error) {
		return s.Counts(ctx, noon, noon+1)
	})
	require.ErrorContains(t, err, "did not answer within 50ms")
}
