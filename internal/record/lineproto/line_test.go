package lineproto

import (
	"bytes"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"
)

const sound = `decahose_tweet,kind=original,lang=en\ GB,stream_label=prod id=1i,text="a, \"b\" \\n c=d",n=1.5,ok=true 17`

func TestParse(t *testing.T) {
	var l Line
	require.NoError(t, l.Parse([]byte(sound+"\n")))
	require.Equal(t, "decahose_tweet", string(l.Name))
	tag, ok := l.Tag("lang")
	require.True(t, ok)
	require.Equal(t, "en GB", tag)
	require.Equal(t, "1i", string(l.Field("id")))
	require.Equal(t, `a, "b" \n c=d`, Unquote(l.Field("text")))
	require.Equal(t, "17", string(l.Time))
	_, ok = l.Tag("host")
	require.False(t, ok)
	require.Nil(t, l.Field("raw"))
	require.NoError(t, l.Parse([]byte("m f=1")))
	require.Empty(t, l.Time)
}

func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]error{
		"":                          errName,
		"# comment":                 errName,
		",a=b f=1":                  errName,
		"m":                         errName,
		"m\x00 f=1":                 errName,
		"m,a f=1":                   errTag,
		"m,a= f=1":                  errTag,
		"m,a=b":                     errTag,
		"m,a=b=c f=1":               errTag,
		"m ":                        errNoField,
		"m f":                       errField,
		"m f=":                      errField,
		"m f=1,":                    errField,
		"m f=1,g":                   errField,
		"m f=x":                     errField,
		"m f=NaN":                   errField,
		"m f=1_000":                 errField,
		"m f=99999999999999999999i": errField,
		`m f="a`:                    errString,
		`m f="a\t"`:                 errString,
		`m f="a"b`:                  errField,
		"m f=1 x":                   errTime,
		"m f=1 1 2":                 errTime,
		"m f=1\nm g=2":              errField,
	} {
		var l Line
		require.ErrorIs(t, l.Parse([]byte(line)), want, "%q", line)
	}
}

func fold(t testing.TB, line string) (folded, back string) {
	var l Line
	require.NoError(t, l.Parse([]byte(line)))
	f := AppendFolded(nil, []byte(line))
	require.NoError(t, l.Parse(f))
	return string(f), string(AppendUnfolded(nil, f, &l))
}

func TestFold(t *testing.T) {
	folded, back := fold(t, "m,t=a\\nb a=\"x\ny\r\n\\\\n\\\"\n\",b=1,c=\"\\\\\\\\\n\" 5\n")
	require.Equal(t, `m,t=a\nb a="x\ny\r\n\\n\"\n",b=1,c="\\\\\n" 5`+"\n", folded)
	require.Equal(t, "m,t=a\\nb a=\"x\ny\r\n\\\\n\\\"\n\",b=1,c=\"\\\\\\\\\n\" 5\n", back)
	folded, back = fold(t, sound)
	require.Equal(t, sound+"\n", folded)
	require.Equal(t, sound+"\n", back)
}

// cut gives the text to a cutter in pieces of that size.
func cut(text string, size int) (lines []string) {
	var c Cutter
	var line []byte
	for rest := []byte(text); len(rest) > 0; {
		piece := rest[:min(size, len(rest))]
		rest = rest[len(piece):]
		for len(piece) > 0 {
			n, whole := c.Next(piece)
			line, piece = append(line, piece[:n]...), piece[n:]
			if whole {
				lines, line = append(lines, string(line)), nil
			}
		}
	}
	if line != nil {
		lines = append(lines, string(line))
	}
	return lines
}

func TestCutter(t *testing.T) {
	want := []string{
		"m,q=a\"b f=\"x\ny\",g\"h=1 1\n",
		"# \"comment\n",
		"\n",
		"m f=\"\\\"\ninjected f=1 2\n\\\\\" 2\n",
		"torn f=\n",
		"m,a=\\ b f=1,g=\"\n\"\n",
		"m f=\"no end\n",
	}
	for size := 1; size < 20; size++ {
		require.Equal(t, want, cut(strings.Join(want, ""), size))
	}
}

// FuzzCutter: how the bytes are cut into pieces does not matter, and what Parse takes is cut as one line.
func FuzzCutter(f *testing.F) {
	f.Add([]byte(sound), uint8(3))
	f.Add([]byte("m f=\"a\nb\" 1\nx"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		lines := cut(string(b), int(size)+1)
		require.Equal(t, cut(string(b), len(b)+1), lines)
		require.Equal(t, string(b), strings.Join(lines, ""))
		var l Line
		if l.Parse(b) == nil && len(b) < 4096 {
			require.Len(t, lines, 1)
		}
	})
}

// FuzzFold: a folded line is one physical line, means the same, and comes back as it was.
func FuzzFold(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte("m,t=a\\nb a=\"x\ny\r\n\\\\n\\\"\n\",b=1 5\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var l, again Line
		if l.Parse(line) != nil {
			return
		}
		folded := AppendFolded(nil, line)
		require.Equal(t, len(folded)-1, bytes.IndexByte(folded, '\n'))
		require.NoError(t, again.Parse(folded))
		require.Len(t, again.Fields, len(l.Fields))
		for i, p := range l.Fields {
			if p.IsString() {
				require.Equal(t, Unquote(p.Value), Unquote(again.Fields[i].Value))
			}
		}
		back := AppendUnfolded(nil, folded, &again)
		require.NoError(t, l.Parse(back))
		require.Equal(t, folded, AppendFolded(nil, back))
		if bytes.Contains(line, []byte(`\n`)) || bytes.Contains(line, []byte(`\r`)) {
			return // escapes that were there come back as the line breaks they stand for
		}
		require.Equal(t, string(bytes.TrimRight(line, "\r\n")), string(bytes.TrimRight(back, "\r\n")))
	})
}

// FuzzAgainstTelegraf: what Telegraf's parser reads from a line that we take is what we read.
func FuzzAgainstTelegraf(f *testing.F) {
	f.Add([]byte(sound))
	f.Fuzz(func(t *testing.T, line []byte) {
		var l Line
		if l.Parse(line) != nil || bytes.Contains(line, []byte(`\n`)) || bytes.Contains(line, []byte(`\r`)) {
			return
		}
		p := &influx.Parser{}
		require.NoError(t, p.Init())
		metrics, err := p.Parse(line)
		if err != nil || len(metrics) != 1 || len(metrics[0].FieldList()) != len(l.Fields) {
			return // stricter than we are in corners that no Tweet has
		}
		for _, field := range l.Fields {
			if !field.IsString() || bytes.IndexByte(field.Key, '\\') >= 0 {
				continue
			}
			v, ok := metrics[0].GetField(string(field.Key))
			if s, text := v.(string); ok && text {
				require.Equal(t, s, Unquote(field.Value))
			}
		}
	})
}
