package jsonscan

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var samples = []string{
	`{}`, `[]`, ` {"a":[1,-2.5e+10,true,false,null,"x\"y\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]} `,
	`{"a":1,}`, `[1,]`, `{"a"}`, `{"a":}`, `{,}`, `[,]`, `{"a":1 "b":2}`, `[1 2]`, `{a:1}`, `}`, `]`, `{]`, `[}`,
	`01`, `-`, `-0`, `-01`, `1.`, `.1`, `1e`, `1e+`, `1E5`, `0e0`, `1.5e-3`, `1e1000`, `+1`, `0x1`, `--1`, `1-`,
	`tru`, `true`, `truex`, `nul`, `null`, `False`, `NaN`, `Infinity`,
	`"`, `"a`, `"\`, `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\uD800"`, `"\u00E9é"`, "\"a\nb\"", "\"\x1f\"", "\"\x7f\"", "\"\xff\"", "\"12345678\x01\"",
	"\"0123456\\n\xc3\xa9\"", "\ufeff{}", "", " ", "\r\n\t ", "{}{}", "{} x", "\x00", "\v1", "1\x00",
	`{"aaaaaaaaaaaaaaaaaaaaaaaaaaa":"bbbbbbbbbbbbbbbbbbbbbbbbbbbb\u0041ccccccccccccccccccc"}`,
	`"aaaaaaaa!aaaaaaa #aaaaaa"`, `"\u0020\u0021\u0022aaaaaaaaaaaaaaa\\"`,
}

func TestValidAgrees(t *testing.T) {
	for _, in := range samples {
		require.Equal(t, json.Valid([]byte(in)), Valid([]byte(in)), "%q", in)
	}
}

// Every byte at every place of a word, in strings of every length.
func TestEveryByteInStrings(t *testing.T) {
	for length := range 24 {
		for at := range length {
			in := []byte(`"` + strings.Repeat("a", length) + `"         `)
			for c := range 256 {
				in[1+at] = byte(c)
				require.Equal(t, json.Valid(in), Valid(in), "%q", in)
				end, flags := String(in, 0)
				if end > 0 && c != '"' && c != '\\' {
					require.Equal(t, c > 0x7f, flags&NonASCII != 0, "%q", in)
				}
			}
		}
	}
}

func TestDepth(t *testing.T) {
	for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
		nested := func(n int) []byte {
			return []byte(strings.Repeat(pair[0], n) + "1" + strings.Repeat(pair[1], n))
		}
		require.True(t, Valid(nested(MaxDepth)))
		require.False(t, Valid(nested(MaxDepth+1)))
		require.False(t, Valid([]byte(strings.Repeat(pair[0], 1<<20))))
	}
}

func TestInt(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "-0": 0, "17": 17, "-17": -17, "9223372036854775807": math.MaxInt64, "-9223372036854775807": -math.MaxInt64} {
		v, end, ok := Int([]byte(in), 0)
		require.True(t, ok, in)
		require.Equal(t, want, v)
		require.Equal(t, len(in), end)
	}
	for in, want := range map[string]int{"1.0": 3, "1e2": 3, "9223372036854775808": 19, "99999999999999999999": 20, "01": -1, "-": -1, "": -1, "x": -1} {
		_, end, ok := Int([]byte(in), 0)
		require.False(t, ok, in)
		require.Equal(t, want, end, in)
	}
}

// walk goes through a value member by member, as the packages above do.
func walk(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '{':
		_, i, more := Enter(b, i)
		for more {
			_, i, more = Next(b, walk(b, i))
		}
		return i
	case '[':
		i, more := EnterArray(b, i)
		for more {
			i, more = NextElement(b, walk(b, i))
		}
		return i
	}
	return Skip(b, i)
}

func FuzzValid(f *testing.F) {
	for _, in := range samples {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if strings.Count(string(in), "[")+strings.Count(string(in), "{") > MaxDepth {
			t.Skip("may be deeper than we go")
		}
		want := json.Valid(in)
		require.Equal(t, want, Valid(in))
		start := Space(in, 0)
		end := walk(in, start)
		require.Equal(t, want, end >= 0 && Space(in, end) == len(in))
		if want {
			checkScalar(t, in, start)
		}
	})
}

func checkScalar(t *testing.T, in []byte, i int) {
	var v any
	if json.Unmarshal(in, &v) != nil {
		return // a number too large for a float64
	}
	switch want := v.(type) {
	case string:
		end, _ := String(in, i)
		require.Equal(t, want, string(Decode(nil, in[i+1:end-1])))
	case float64:
		n, end, ok := Int(in, i)
		parsed, err := strconv.ParseInt(string(in[i:end]), 10, 64)
		if parsed == math.MinInt64 {
			err = strconv.ErrRange
		}
		require.Equal(t, err == nil, ok)
		if ok {
			require.Equal(t, parsed, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`a\ud83d\ude00b`, `\ud83d`, `\ude00\ud83d`, `\ud83d\ud83d\ude00`, `\ud83dA`, `\ud83d\n`, "\xff\xc3\xa9\xed\xa0\x80", `\u0000\u001f`, "é\\u00e9\xc3"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		quoted := append(append([]byte{'"'}, raw...), '"')
		end, flags := String(quoted, 0)
		var want string
		if end != len(quoted) {
			require.Error(t, json.Unmarshal(quoted, &want))
			return
		}
		require.NoError(t, json.Unmarshal(quoted, &want))
		require.Equal(t, want, string(Decode(nil, raw)))
		if flags == 0 {
			require.Equal(t, want, string(raw))
		}
	})
}
