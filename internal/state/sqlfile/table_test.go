package sqlfile

import (
	"database/sql"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRowsComeBack(t *testing.T) {
	db := opened(t, filepath.Join(scratch(t), "a.db"))
	want := []thing{
		{key: math.MinInt64, n: math.MaxInt64},
		{key: -1, n: math.MinInt64, text: "ü\x00'\";--", bytes: "\x00\xff\n"},
		{key: 0, text: "0"},
		{key: math.MaxInt64, bytes: string(make([]byte, 5000))},
	}
	put(t, db)
	put(t, db, want[2], want[0], want[3], want[1])
	got, bad, err := things.All(db)
	require.NoError(t, err)
	require.Zero(t, bad)
	require.Equal(t, want, got)

	want[1].text = "another"
	put(t, db, want[1])
	got, _, err = things.All(db)
	require.NoError(t, err)
	require.Equal(t, want, got, "it takes the place of the one with that key")
}

func TestWhere(t *testing.T) {
	db := opened(t, filepath.Join(scratch(t), "a.db"))
	all := someThings(10, 0, 10)
	put(t, db, all...)
	for _, c := range []struct {
		keys      Keys
		condition string
		from, to  int
	}{
		{All, "true", 0, 10},
		{Keys{20, 40}, "true", 2, 5},
		{Keys{21, 39}, "true", 3, 4},
		{Keys{40, 40}, "true", 4, 5},
		{Keys{41, 49}, "true", 0, 0},
		{Keys{50, 40}, "true", 0, 0},
		{All, "id >= 70", 7, 10},
		{Keys{0, 75}, "id >= 70", 7, 8},
	} {
		got, bad, err := things.Where(db, c.keys, c.condition)
		require.NoError(t, err)
		require.Zero(t, bad)
		require.Equal(t, slices.Concat(all[c.from:c.to]), got, c)
	}
	_, _, err := things.Where(db, All, "no_such_column = 1")
	require.ErrorContains(t, err, "read things: ")
}

// TestARowThatChanged is counted and left out, whichever of its columns it is that is not as it was written.
func TestARowThatChanged(t *testing.T) {
	all := someThings(3, 1, 1)
	all[1] = thing{key: 2, n: 7, text: "seven", bytes: "777"}
	for _, set := range []string{
		"id = 9", "n = 8", "n = NULL", "n = 'seven'", "n = 7.5", "text = 'Seven'", "text = ''", "text = NULL", "text = x'736576656e'",
		"bytes = '778'", "bytes = NULL", "bytes = 777", "checksum = checksum + 1", "checksum = NULL", "checksum = 'no'",
		"checksum = checksum - 4294967296",
	} {
		db := opened(t, filepath.Join(scratch(t), "a.db"))
		put(t, db, all...)
		_, err := db.Exec("UPDATE things SET " + set + " WHERE id = 2")
		require.NoError(t, err, set)
		got, bad, err := things.All(db)
		require.NoError(t, err, set)
		require.Equal(t, 1, bad, set)
		require.Equal(t, []thing{all[0], all[2]}, got, set)
		require.NoError(t, db.Close())
	}
}

// TestBytesOrText: what is as it was written in another of SQLite's types for it is no damage.
func TestBytesOrText(t *testing.T) {
	db := opened(t, filepath.Join(scratch(t), "a.db"))
	put(t, db, thing{key: 1, bytes: "bytes"}, thing{key: 2})
	_, err := db.Exec("UPDATE things SET bytes = 'bytes' WHERE id = 1; UPDATE things SET bytes = NULL WHERE id = 2")
	require.NoError(t, err)
	got, bad, err := things.All(db)
	require.NoError(t, err)
	require.Zero(t, bad)
	require.Equal(t, []thing{{key: 1, bytes: "bytes"}, {key: 2}}, got)
}

func TestParse(t *testing.T) {
	r := thing{key: 5, n: 6, text: "seven", bytes: "8"}
	got, err := things.Parse(things.Row(&r))
	require.NoError(t, err)
	require.Equal(t, r, got)

	r.text = "two\nlines" // the checksum fits, and the record says no
	_, err = things.Parse(things.Row(&r))
	require.ErrorIs(t, err, ErrRow)
	require.ErrorContains(t, err, "the text has")

	short := things
	short.Record = func(f *Taken) (thing, error) { f.Text(); return thing{}, nil }
	_, err = short.Parse(things.Row(&thing{}))
	require.ErrorIs(t, err, ErrRow, "an integer is no text")
}

// TestTheEncodingIsTheTables: a file written with one is not read with another.
func TestTheEncodingIsTheTables(t *testing.T) {
	row := things.Row(&thing{key: 1, text: "a"})
	other := things
	other.Summed = func(dst []byte, table string, row []any) ([]byte, error) {
		dst, err := things.Summed(dst, table, row)
		return append(dst, 0), err
	}
	_, err := other.Parse(row)
	require.ErrorIs(t, err, ErrRow)
	other = things
	other.Name = "thing"
	_, err = other.Parse(row)
	require.ErrorIs(t, err, ErrRow, "a row of another table")
	other.Summed = func(dst []byte, _ string, _ []any) ([]byte, error) { return append(dst, "123456789"...), nil }
	sum, err := other.checksum(nil)
	require.NoError(t, err)
	require.Equal(t, int64(0xe3069283), sum, "crc32c")
}

func TestARowThatATableCannotHave(t *testing.T) {
	wrong := things
	wrong.Values = func(*thing) []any { return []any{1, "text", []byte(nil)} } // an int is no int64
	require.PanicsWithValue(t, "BUG: a row of things that it cannot have: row is damaged: a int where an integer is due", func() { wrong.Row(&thing{}) })
}

// TestATableThatIsNotThereYet holds nothing; one that should be there is missed.
func TestATableThatIsNotThereYet(t *testing.T) {
	db := opened(t, filepath.Join(scratch(t), "a.db"))
	later := things
	later.Name, later.Since = "thing", 2
	got, bad, err := later.All(db)
	require.NoError(t, err)
	require.Empty(t, got)
	require.Zero(t, bad)
	found, err := later.Rescue(db, All)
	require.NoError(t, err)
	require.NoError(t, found.Broken)

	later.Since = 1
	_, _, err = later.All(db)
	require.ErrorContains(t, err, "no such table")
	found, err = later.Rescue(db, All)
	require.NoError(t, err)
	require.ErrorContains(t, found.Broken, "no such table")

	later = things // it is there, and cannot be read
	later.Since, later.Columns = 2, "n, text, missing"
	_, _, err = later.All(db)
	require.ErrorContains(t, err, "no such column")
	require.ErrorContains(t, InTx(db, func(tx *sql.Tx) error { return later.Put(tx, thing{}) }), "write things: ")
}

func TestTaken(t *testing.T) {
	f := Take([]any{int64(3), int64(0), int64(-1), "text", []byte("bytes"), "text", nil})
	require.Equal(t, int64(3), f.Int())
	require.False(t, f.Bool())
	require.True(t, f.Bool())
	require.Equal(t, "text", f.Text())
	require.Equal(t, []byte("bytes"), f.Bytes())
	require.Equal(t, []byte("text"), f.Bytes())
	require.Nil(t, f.Bytes())
	require.NoError(t, f.Err())
	for _, c := range []struct {
		value any
		take  func(*Taken)
	}{
		{"3", func(f *Taken) { f.Int() }},
		{nil, func(f *Taken) { f.Int() }},
		{3.0, func(f *Taken) { f.Bool() }},
		{[]byte("a"), func(f *Taken) { f.Text() }},
		{nil, func(f *Taken) { f.Text() }},
		{int64(1), func(f *Taken) { f.Bytes() }},
	} {
		f := Take([]any{c.value, c.value, int64(5)})
		c.take(f)
		first := f.Err()
		require.ErrorIs(t, first, ErrRow, c.value)
		require.ErrorContains(t, first, fmt.Sprintf("%T", c.value))
		c.take(f)
		require.Equal(t, int64(5), f.Int())
		require.Equal(t, first, f.Err(), "the first is kept")
	}
}
