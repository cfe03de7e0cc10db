package wire

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cut feeds in to a Scanner in reads of at most step bytes and returns what came out, as lines.
// The batch is handed on after every read, as a connection does.
func cut(t testing.TB, in string, limit int, step func() int) (lines []string, beats int) {
	s := NewScanner(limit)
	s.Start(NewBatch())
	total := 0
	spare := NewBatch()
	collect := func() {
		b := s.Take(spare)
		for _, f := range b.Frames {
			lines = append(lines, fmt.Sprintf("%d %d %s", f.Kind, f.ID, f.Data))
		}
		beats += b.Heartbeats
		total += b.Bytes
		b.Reset()
		spare = b
	}
	for rest := in; rest != ""; {
		room := s.Space()
		require.NotEmpty(t, room)
		n := copy(room[:min(len(room), max(1, step()))], rest)
		rest = rest[n:]
		s.Advance(n)
		if s.Pending() {
			collect()
		}
	}
	s.End()
	collect()
	require.Equal(t, len(in), total)
	return lines, beats
}

func whole() int  { return 1 << 30 }
func single() int { return 1 }

func TestSplit(t *testing.T) {
	const a, b = `{"id":1,"text":"x"}`, `{"id":2,"text":"y"}`
	long := `{"id":3,"text":"` + strings.Repeat("z", 600) + `"}`
	for name, c := range map[string]struct {
		in    string
		want  []string
		beats int
	}{
		"nothing":             {"", nil, 0},
		"two":                 {a + "\r\n" + b + "\r\n", []string{"0 1 " + a, "0 2 " + b}, 0},
		"heartbeats":          {"\r\n\r\n" + a + "\r\n\r\n", []string{"0 1 " + a}, 3},
		"spacious heartbeat":  {" \n\t \r\n", nil, 1},
		"half a heartbeat":    {a + "\r\n\r", []string{"0 1 " + a}, 0},
		"no line end":         {a, []string{"0 1 " + a}, 0},
		"half a line end":     {a + "\r", []string{"0 1 " + a}, 0},
		"cut behind the id":   {`{"id":1,"te`, []string{`0 1 {"id":1,"te`}, 0},
		"cut within the id":   {`{"id":1`, []string{`2 0 {"id":1`}, 0},
		"bare newline inside": {"{\"id\":1,\n\"text\":\"x\"}\r\n", []string{"0 1 {\"id\":1,\n\"text\":\"x\"}"}, 0},
		"bare return inside":  {"{\"id\":1,\r\"text\":\"x\"}\r\n", []string{"0 1 {\"id\":1,\r\"text\":\"x\"}"}, 0},
		"returns":             {a + "\r\r\n", []string{"0 1 " + a + "\r"}, 0},
		"notice":              {`{"info":{"message":"hi"}}` + "\r\n", []string{`1 0 {"info":{"message":"hi"}}`}, 0},
		"malformed":           {"{\"info\":\r\nxx\r\n", []string{"2 0 {\"info\":", "2 0 xx"}, 0},
		"glued":               {a + b + "\r\n", []string{"0 1 " + a, "0 2 " + b}, 0},
		"glued by newline":    {a + "\n" + b + "\r\n", []string{"0 1 " + a + "\n", "0 2 " + b}, 0},
		"glued by space":      {a + "  " + b + "\r\n", []string{"0 1 " + a + "  ", "0 2 " + b}, 0},
		"glued to a notice":   {`{"info":{}}` + b + "\r\n", []string{`1 0 {"info":{}}`, "0 2 " + b}, 0},
		"glued to a cut one":  {a + `{"id":2,"te` + "\r\n", []string{"0 1 " + a, `0 2 {"id":2,"te`}, 0},
		"glued, no line end":  {a + b, []string{"0 1 " + a, "0 2 " + b}, 0},
		"three glued":         {a + b + a + "\r\n", []string{"0 1 " + a, "0 2 " + b, "0 1 " + a}, 0},
		"looks glued":         {`{"id":4,"text":"}{ } {"}` + "\r\n", []string{`0 4 {"id":4,"text":"}{ } {"}`}, 0},
		"trailing garbage":    {a + "xyz\r\n" + a + " xyz\r\n", []string{"0 1 " + a + "xyz", "0 1 " + a + " xyz"}, 0},
		"oversize":            {long + "\r\n" + a + "\r\n", []string{"2 0 " + long[:512], "0 1 " + a}, 0},
		"oversize, no end":    {a + "\r\n" + long, []string{"0 1 " + a, "2 0 " + long[:512]}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []func() int{whole, single} {
				lines, beats := cut(t, c.in, 600, step)
				require.Equal(t, c.want, lines)
				require.Equal(t, c.beats, beats)
			}
		})
	}
}

func TestFullLimit(t *testing.T) {
	rec := `{"id":1,"text":"` + strings.Repeat("z", 100) + `"}`
	for _, step := range []func() int{whole, single} {
		lines, _ := cut(t, rec+"\r\n", len(rec), step)
		require.Equal(t, []string{"0 1 " + rec}, lines)
		lines, _ = cut(t, rec+"\r\n", len(rec)-1, step)
		require.Equal(t, []string{"2 0 " + rec[:len(rec)-1]}, lines)
	}
}

// Frames cut before the slab had to grow still hold their bytes, whatever is read later.
func TestFramesOutliveGrowth(t *testing.T) {
	s := NewScanner(0)
	s.Start(NewBatch())
	put := func(in string) {
		for in != "" {
			n := copy(s.Space(), in)
			in = in[n:]
			s.Advance(n)
		}
	}
	var want []string
	for i := range 100 {
		rec := fmt.Sprintf(`{"id":%d,"text":"%s"}`, i+1, strings.Repeat("x", i*311))
		want = append(want, rec)
		put(rec + "\r\n")
	}
	put(`{"id":7,"half`)
	b := s.Take(NewBatch())
	require.Len(t, b.Frames, len(want))
	for i, f := range b.Frames {
		require.Equal(t, want[i], string(f.Data))
	}
	put("\":1}\r\n")
	b = s.Take(NewBatch())
	require.Equal(t, `{"id":7,"half":1}`, string(b.Frames[0].Data))
}

func TestOversizeIsBounded(t *testing.T) {
	const limit = 1 << 20
	s := NewScanner(limit)
	s.Start(NewBatch())
	filler := bytes.Repeat([]byte("x"), 64<<10)
	for range 200 {
		s.Advance(copy(s.Space(), filler))
		require.LessOrEqual(t, cap(s.batch.slab), limit+2*slabSize)
	}
	s.Advance(copy(s.Space(), "\r\n\r\n"))
	b := s.Take(NewBatch())
	require.Len(t, b.Frames, 1)
	require.Equal(t, 1, b.Heartbeats)
	b.Reset()
	require.LessOrEqual(t, cap(b.slab), keepSize)
	require.Empty(t, b.Frames)
}

func TestStartForgets(t *testing.T) {
	s := NewScanner(10)
	s.Start(NewBatch())
	s.Advance(copy(s.Space(), "a record of more than ten bytes"))
	s.Start(NewBatch())
	s.Advance(copy(s.Space(), "{\"id\":1}\r\n"))
	b := s.Take(NewBatch())
	require.Len(t, b.Frames, 1)
	require.Equal(t, Record, b.Frames[0].Kind)
}

const recordsFolder = "../../../../shared/data/records"

func TestRealRecords(t *testing.T) {
	names, _ := filepath.Glob(filepath.Join(recordsFolder, "*.json"))
	if len(names) == 0 {
		t.Skip("no real records here")
	}
	var in strings.Builder
	var want []Kind
	for _, path := range names {
		rec, err := os.ReadFile(path)
		require.NoError(t, err)
		name := filepath.Base(path)
		kind := Notice
		if strings.HasPrefix(name, "native_") || strings.HasPrefix(name, "as_") && !strings.HasPrefix(name, "as_compliance") {
			kind = Record
		}
		want = append(want, kind)
		in.Write(bytes.TrimSpace(rec))
		in.WriteString("\r\n\r\n")
	}
	lines, beats := cut(t, in.String(), 0, func() int { return 777 })
	require.Equal(t, len(want), beats)
	require.Len(t, lines, len(want))
	for i, line := range lines {
		require.Equal(t, byte('0'+want[i]), line[0], names[i])
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("{\"id\":1}\r\n\r\n{\"id\":2}{\"id\":3}\r\n"), uint64(1))
	f.Add([]byte("{\"id\":1,\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\r\r\n\r"), uint64(2))
	f.Add([]byte("\r\r\n\n\r\n} {\r\n[{}{}]{}\n{}\r\n"), uint64(3))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		next := func() int { // a small generator, so that a failure can be repeated
			seed = seed*6364136223846793005 + 1442695040888963407
			return int(seed>>33) % 40
		}
		for _, limit := range []int{24, 1 << 20} {
			lines, beats := cut(t, string(in), limit, whole)
			got, gotBeats := cut(t, string(in), limit, next)
			require.Equal(t, lines, got)
			require.Equal(t, beats, gotBeats)
		}
	})
}
