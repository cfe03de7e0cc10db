package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/testing/versions"
)

// TestSpoolOfAllVersions reads what programs of each version of the schema left.
func TestSpoolOfAllVersions(t *testing.T) {
	versions.Files{Version: len(migrations), Write: storyOfVersions, Read: readVersion}.Test(t)
}

// storyOfVersions writes both directories: entries that stay, are removed, replaced and lost, and a quarantine.
func storyOfVersions(t *testing.T, dir string) {
	live := filepath.Join(dir, versions.Closed)
	s, _, err := Open(live, plenty)
	require.NoError(t, err)
	s.now = func() time.Time { return time.Unix(1_772_366_280, 5) }
	for n := range 5 {
		_, err := s.Append(entryOfVersions(n, 1+2*n))
		require.NoError(t, err)
	}
	_, err = s.Replace(2, entryOfVersions(2, 1), &Entry{At: time.Unix(1_772_366_280, 6)})
	require.NoError(t, err)
	require.NoError(t, s.Remove(3))
	_, err = s.db.Exec("DELETE FROM lines WHERE id = 4")
	require.NoError(t, err)
	for n := range 3 {
		e := entryOfVersions(9+n, 1)
		require.NoError(t, s.Refuse(e.Tweets[0].Sent, e.Lines[:n*20], fmt.Sprintf("400 no. %d\nand more", n)))
	}
	left := copied(t, live)
	require.NoError(t, s.Close())
	require.NoError(t, os.CopyFS(filepath.Join(dir, versions.Killed), os.DirFS(left)))
	require.NoError(t, os.Remove(filepath.Join(dir, versions.Killed, dbName+sqlfile.IndexSuffix))) // SQLite makes it anew
}

// entryOfVersions is one of so many Tweets, the lines of which hold newlines and, some, more than a page.
func entryOfVersions(n, tweets int) *Entry {
	e := &Entry{At: time.Unix(1_772_366_280, int64(n))}
	for i := range tweets {
		id := snowflake.First(1_772_366_280_000+int64(1000*n+i)) + snowflake.ID(i)
		e.Lines = fmt.Appendf(e.Lines, "decahose,n=%d id=%di,text=\"%0*d\nü\" 1\n", n, id, 40+i*i*n*60, i)
		e.Tweets = append(e.Tweets, Tweet{ledger.Sent{ID: id, Partition: int32(i % 3)}, len(e.Lines)})
	}
	return e
}

// readVersion prints all that is read of a directory.
func readVersion(t *testing.T, b io.Writer, name, dir string) {
	waiting, err := Look(dir)
	require.NoError(t, err)
	fmt.Fprintf(b, "%s, to who looks: %d\n", name, waiting)
	fmt.Fprint(b, name+", at a start\n")
	startFromSpool(t, b, dir)
}

// startFromSpool prints what a process that takes the spool over is told, and which number its first entry gets.
func startFromSpool(t *testing.T, b io.Writer, dir string) {
	s, c := mustOpen(t, dir)
	for i := range c.Entries {
		e, err := s.Read(c.Entries[i].ID)
		require.NoError(t, err)
		require.Equal(t, e.Tweets, c.Entries[i].Tweets)
		fmt.Fprintf(b, "  entry %d at %d: %d, %d bytes with crc32c %08x\n", e.ID, e.At.UnixNano(), e.Tweets, len(e.Lines), crc(e.Lines))
	}
	fmt.Fprintf(b, "  refused %d, lost %d, notes %q\n", c.Refused, c.Lost, c.Notes)
	kept, bad, err := refused.All(s.db)
	require.NoError(t, err)
	require.Zero(t, bad)
	for _, r := range kept {
		fmt.Fprintf(b, "  quarantine %d at %d: %q, %q\n", r.sent, r.at, r.line, r.why)
	}
	id, err := s.Append(entryOfVersions(20, 1))
	require.NoError(t, err)
	fmt.Fprintf(b, "  the next is %d\n", id)
	require.NoError(t, s.Close())
}
