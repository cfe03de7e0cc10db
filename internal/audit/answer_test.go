package audit

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// What stores bring as a number: exact ones only.
func TestToInt(t *testing.T) {
	for _, c := range []struct {
		of   any
		want int64
		ok   bool
	}{
		{int64(math.MaxInt64), math.MaxInt64, true}, {int64(-1), -1, true}, {float64(7), 7, true}, {7.5, 7, false}, {math.NaN(), 0, false},
		{"2006696907371446273", 2006696907371446273, true}, {[]byte("12"), 12, true}, {"1e3", 1000, true}, {"5.0", 5, true}, {"5.5", 5, false},
		{"", 0, false}, {"x", 0, false}, {" 5", 0, false}, {"9223372036854775808", 0, false}, {nil, 0, false}, {true, 0, false}, {uint64(5), 0, false}, {time.Time{}, 0, false},
	} {
		n, ok := toInt(c.of)
		require.Equal(t, c.ok, ok, "%T %[1]v", c.of)
		if ok {
			require.Equal(t, c.want, n, "%T %[1]v", c.of)
		}
	}
}

// A minute is one since 1970, or a time of any zone; a time within a minute is of that minute.
func TestToMinute(t *testing.T) {
	at := time.Date(2026, 3, 29, 1, 59, 59, 999, time.UTC)
	m := timeline.MinuteOf(at.UnixMilli())
	for _, of := range []any{at, at.In(time.FixedZone("", 2*3600)), "2026-03-29T01:59:59Z", "2026-03-29T03:59:00+02:00", int64(m), []byte("29579159"), "29579159", float64(m)} {
		got, ok := toMinute(of)
		require.True(t, ok, of)
		require.Equal(t, m, got, of)
	}
	require.EqualValues(t, 29579159, m)
	for _, of := range []any{nil, "yesterday", "2026-03-29 01:59:59", 1.5} {
		_, ok := toMinute(of)
		require.False(t, ok, of)
	}
	before, ok := toMinute(time.UnixMilli(-1))
	require.True(t, ok)
	require.EqualValues(t, -1, before)
}

// Quoted text ends where it is meant to.
func TestQuoting(t *testing.T) {
	for text, want := range map[string]string{"": "''", "a": "'a'", "it's": "'it''s'", "'; DROP TABLE t; --": "'''; DROP TABLE t; --'", `\`: `'\'`} {
		require.Equal(t, want, sqlText(text))
	}
	for name, want := range map[string]string{"a": "`a`", "a.b.c": "`a`.`b`.`c`", "a`b": "`a``b`", "": "``"} {
		require.Equal(t, want, sqlName(name, "`"))
	}
	require.Equal(t, "'{from}'", fill("{stream_label}", noon, noon+1, sqlText("{from}")), "a label is no place for another")
}

// goingOn goes on for ever.
type goingOn struct{}

func (goingOn) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// An answer is bounded as a whole, by row and by rows, and what is cut is an error: half an answer is none.
func TestRepliesAreBounded(t *testing.T) {
	n, err := io.Copy(io.Discard, newReply(goingOn{}))
	require.ErrorIs(t, err, errLong)
	require.EqualValues(t, rowMost, n, "one row")

	r := newReply(goingOn{})
	total := 0
	for {
		n, err := io.CopyN(io.Discard, r, rowMost)
		total += int(n)
		if err != nil {
			require.ErrorIs(t, err, errLong)
			break
		}
		require.NoError(t, r.next())
	}
	require.Equal(t, answerMost, total)

	r = newReply(goingOn{})
	for range rowsMost {
		require.NoError(t, r.next())
	}
	require.ErrorIs(t, r.next(), errLong)
	short := newReply(strings.NewReader("abc"))
	text, err := io.ReadAll(short)
	require.NoError(t, err)
	require.Equal(t, "abc", string(text))
}

// An answer of InfluxDB 1 is read in any order of its members, with others beside them, and what is wrong with it is told.
func TestInfluxAnswers(t *testing.T) {
	for text, want := range map[string]struct {
		rows          int
		results       int
		whole, failed string
		partial       bool
	}{
		`{}`: {}, `null`: {},
		`{"results":[]}`:                     {},
		`{"results":null,"error":"refused"}`: {whole: "refused"},
		`{"more":{"a":[1,{"series":2}]},"results":[{"statement_id":0,"series":[{"columns":["time"],"values":[[1,2],[3,4]],"name":"x"},{"values":[[5,6]]}]}]}`: {rows: 3, results: 1},
		`{"results":[{"partial":true,"series":[{"values":[[1,2]]}]},{"error":"no database"}]}`:                                                                {rows: 1, results: 2, failed: "no database", partial: true},
		`{"results":[{"series":null},{"series":[{"values":null}]}]}`:                                                                                          {results: 2},
	} {
		rows := 0
		a, err := readInflux(newReply(strings.NewReader(text)), func([]json.RawMessage) error { rows++; return nil })
		require.NoError(t, err, text)
		require.Equal(t, want.rows, rows, text)
		require.Equal(t, []any{want.results, want.whole, want.failed, want.partial}, []any{a.results, a.err, a.failed, a.partial}, text)
	}
	odd := errors.New("odd")
	for _, text := range []string{"", "{", "[]", "7", `"x"`, `{"results":{}}`, `{"results":[7]}`, `{"results":[{"series":{}}]}`, `{"results":[{"series":[{"values":[7]}]}]}`,
		`{"results":[{"series":[{"values":[[1]]}]}`, `{"results":[{"error":7}]}`, `{"results":[{"partial":"yes"}]}`, "<html>"} {
		_, err := readInflux(newReply(strings.NewReader(text)), func([]json.RawMessage) error { return nil })
		require.Error(t, err, text)
	}
	_, err := readInflux(newReply(strings.NewReader(`{"results":[{"series":[{"values":[[1]]}]}]}`)), func([]json.RawMessage) error { return odd })
	require.ErrorIs(t, err, odd)
}

// FuzzInfluxAnswer: whatever answers, the reading ends and does not panic, and what it takes is JSON to the end.
func FuzzInfluxAnswer(f *testing.F) {
	for _, text := range []string{`{"results":[{"series":[{"values":[[1,2]]}]}]}`, `{"error":"x"}`, `{"results":[{"partial":true}]}`, `null`, `{"results":[null,{"series":[null]}]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rows := 0
		a, err := readInflux(newReply(strings.NewReader(string(text))), func([]json.RawMessage) error { rows++; return nil })
		require.NotNil(t, a)
		if err == nil && rows > 0 {
			require.Contains(t, string(text), "[", "rows come of arrays")
			require.Positive(t, a.results)
		}
	})
}

// A file of SQLite is opened for reading, whatever its DSN says.
func TestSQLiteIsReadOnly(t *testing.T) {
	for dsn, path := range map[string]string{"/a/b.db": "/a/b.db", "file:/a/b.db?mode=rwc&_pragma=x": "/a/b.db", "sqlite:///a/b.db": "/a/b.db", "/a b/ü#.db": "/a%20b/%C3%BC%23.db"} {
		uri := readOnly(dsn)
		require.Equal(t, "file://"+path+"?_pragma=busy_timeout%285000%29&_pragma=query_only%281%29&mode=ro", uri)
	}
}
