package encode

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// line is one line as a reader of line protocol understood it.
type line struct {
	name   string
	tags   map[string]string
	fields map[string]any
	time   int64
}

// readTelegraf reads with the parser that execd uses.
func readTelegraf(t testing.TB, b []byte) (lines []line) {
	p := influx.NewStreamParser(bytes.NewReader(b))
	for {
		m, err := p.Next()
		if err == influx.EOF { // the parser's own sentinel
			return lines
		}
		require.NoError(t, err, "in %q", b)
		lines = append(lines, line{m.Name(), m.Tags(), m.Fields(), m.Time().UnixNano()})
	}
}

// readUpstream reads with line-protocol/v2.
func readUpstream(t testing.TB, b []byte) (lines []line) {
	d := lineprotocol.NewDecoderWithBytes(b)
	for d.Next() {
		l := line{tags: map[string]string{}, fields: map[string]any{}}
		name, err := d.Measurement()
		require.NoError(t, err)
		l.name = string(name)
		for {
			k, v, err := d.NextTag()
			require.NoError(t, err)
			if k == nil {
				break
			}
			l.tags[string(k)] = string(v)
		}
		for {
			k, v, err := d.NextField()
			require.NoError(t, err)
			if k == nil {
				break
			}
			l.fields[string(k)] = v.Interface()
		}
		at, err := d.Time(lineprotocol.Nanosecond, fullTweet().ID.Time())
		require.NoError(t, err)
		l.time = at.UnixNano()
		lines = append(lines, l)
	}
	return lines
}

// want is t as a reader should see it, by the road that sinks of metrics take.
func want(t *tweet.Tweet, s *Schema) line {
	l := line{name: Measurement, tags: map[string]string{}, fields: map[string]any{}}
	s.EachTag(t, func(k, v string) { l.tags[k] = v })
	s.EachField(t, func(k string, v any) { l.fields[k] = v })
	l.time, _ = t.ID.Nano()
	return l
}

func fullTweet() *tweet.Tweet {
	return &tweet.Tweet{
		ID: snowflake.First(1772366400123) | 300<<12 | 7, Kind: tweet.Quote, Lang: []byte("en"),
		Text: []byte("hello world"), UserID: 42, UserScreenName: []byte("someone"), UserFollowers: 1000,
		UserVerified: true, Source: []byte("Web App"), InReplyToID: 11, RetweetedID: 12, QuotedID: 13, EditOf: 14,
		Hashtags: []byte("a,b"), HashtagCount: 2, URLCount: 1, MentionCount: 3, MediaCount: 1,
		MediaType: []byte("photo"), PlaceCountryCode: []byte("CH"), PlaceFullName: []byte("Bern, Switzerland"),
		HasPoint: true, Longitude: 7.4474, Latitude: -46.948, PossiblySensitive: false,
		ReceivedAt: 1772366400999888777, Raw: []byte(`{"id":1,"text":"a\nb"}`),
	}
}

func schema(t testing.TB, newline Newline, tags, names []string) *Schema {
	s, err := NewSchema("prod", tags, names, newline)
	require.NoError(t, err)
	return s
}

// nasty are texts that broke somebody's line protocol.
var nasty = []string{
	"plain", "a\nb", "a\r\nb", "\n", "\r", "\r\n", "a\rb", "\n\n\r\r\n", `"`, `\`, `\\`, `ends with \`, `ends with \"`, `\n is text`,
	`\t`, "tab\there", "nul\x00nul", "\x01\x02\x1b[0m\x7f", "😀 emoji 👩‍👩‍👧‍👦", "a,b c=d", "  ", " lead and trail ", "=,\"\\", "#comment",
	"x\"\nfake,a=b c=1 1", "x\\\"\nfake,a=b c=1 1\n", "\nfake v=1i\n", "x\" 1\nfake v=2 2\ny=\"", "\u2028\u0085\u2029", "1234567\"", "12345678\\",
	"12345678\n", "\ufeffbom", "line\\\nbreak", "line\\\r\nbreak", "é\"é\\é\né", "\uFFFD", `i`, `"""""""""`, `\\\\\\\\\`,
	strings.Repeat("seventy thousand bytes \\ \" \n é ", 2500),
}

func withText(text string) *tweet.Tweet {
	t := fullTweet()
	t.Text, t.Source, t.Hashtags, t.PlaceFullName, t.Raw = []byte(text), []byte(text), []byte(text), []byte(text), []byte(text)
	return t
}

func TestNastyTextsComeBack(t *testing.T) {
	for _, newline := range []Newline{Keep, Space, Escape} {
		s := schema(t, newline, AllTags(), AllFields())
		for _, text := range nasty {
			tw := withText(text)
			b := AppendTweet(nil, tw, s)
			b = AppendTweet(b, fullTweet(), s) // what follows must not suffer
			expected := []line{want(tw, s), want(fullTweet(), s)}
			require.Equal(t, expected, readTelegraf(t, b), "%v %.80q", newline, text)
			require.Equal(t, expected, readUpstream(t, b), "%v %.80q", newline, text)
			if newline != Keep {
				require.Equal(t, 2, bytes.Count(b, []byte("\n")), "one line each")
				require.NotContains(t, string(b), "\r")
			}
		}
	}
}

func TestNewlinePolicies(t *testing.T) {
	for text, expected := range map[string][3]string{
		"a\nb":       {"a\nb", "a b", `a\nb`},
		"a\r\nb":     {"a\r\nb", "a b", `a\nb`},
		"a\rb":       {"a\rb", "a b", `a\nb`},
		"\n\r\n\r":   {"\n\r\n\r", "   ", `\n\n\n`},
		"no \\ line": {"no \\ line", "no \\ line", "no \\ line"},
	} {
		for newline, w := range expected {
			s := schema(t, Newline(newline), nil, []string{"text"})
			got := readTelegraf(t, AppendTweet(nil, withText(text), s))
			require.Equal(t, w, got[0].fields["text"], "%s %q", newlineNames[newline], text)
		}
	}
}

// NUL is kept unless the option says otherwise, wherever in a text it stands, and by lines and metrics alike.
func TestNULPolicies(t *testing.T) {
	for text, expected := range map[string][3]string{
		"\x00":                   {"\x00", " ", `\u0000`},
		"a\x00\x00\nb":           {"a\x00\x00\nb", "a  \nb", `a\u0000\u0000` + "\nb"},
		"12345678\x00":           {"12345678\x00", "12345678 ", `12345678\u0000`},
		"1234567\x00\"8":         {"1234567\x00\"8", "1234567 \"8", `1234567\u0000"8`},
		"a\\\x00\x01 é\x00\x00":  {"a\\\x00\x01 é\x00\x00", "a\\ \x01 é  ", "a\\\\u0000\x01 é\\u0000\\u0000"},
		"no NUL \\u0000 \" here": {"no NUL \\u0000 \" here", "no NUL \\u0000 \" here", "no NUL \\u0000 \" here"},
	} {
		kept := AppendTweet(nil, withText(text), schema(t, Keep, nil, nil))
		for nul, w := range expected {
			s := schema(t, Keep, nil, nil).WithNUL(Newline(nul))
			line := AppendTweet(nil, withText(text), s)
			require.Equal(t, w, readTelegraf(t, line)[0].fields["text"], "%s %q", newlineNames[nul], text)
			require.Equal(t, w, want(withText(text), s).fields["text"])
			require.Equal(t, string(line), string(AppendTweet(nil, &tweet.Tweet{Line: kept}, s)), "an archive's line")
		}
	}
}

func TestNastyTagsComeBack(t *testing.T) {
	s := schema(t, Keep, []string{"lang", "media_type"}, []string{"id"})
	for _, value := range append(nasty, `a\,b`, `a\`, `,`, `=`, ` `, `\ `, "a\nb") {
		if len(value) > 60000 {
			continue
		}
		tw := fullTweet()
		tw.Lang, tw.MediaType = []byte(value), []byte(value)
		b := AppendTweet(nil, tw, s)
		require.Equal(t, 1, bytes.Count(b, []byte("\n")), "%q", value)
		require.Equal(t, []line{want(tw, s)}, readTelegraf(t, b), "%q", value)
		require.Equal(t, []line{want(tw, s)}, readUpstream(t, b), "%q", value)
	}
}

// Stores index tags: what X's codes never are does not become one, on either road.
func TestLongTagsAreUndefined(t *testing.T) {
	s := schema(t, Keep, []string{"lang", "media_type"}, []string{"id"})
	for n, expected := range map[int]string{1: "l", 64: strings.Repeat("l", 64), 65: "und", 100_000: "und"} {
		tw := fullTweet()
		tw.Lang = bytes.Repeat([]byte("l"), n)
		tw.MediaType = tw.Lang
		got := readTelegraf(t, AppendTweet(nil, tw, s))
		require.Equal(t, expected, got[0].tags["lang"])
		require.Equal(t, expected, got[0].tags["media_type"])
		require.Equal(t, []line{want(tw, s)}, got)
	}
}

func TestPointsComeBack(t *testing.T) {
	var e PointEncoder
	for _, text := range append(nasty, "bad \xff utf-8") {
		p := &Point{
			Name: "decahose_connection", Time: 1772366400999888777,
			Tags:   []Tag{{Key: "stream_label", Value: "a b,c=d"}, {Key: "partition", Value: "1"}, {Key: "empty", Value: ""}},
			Fields: []Field{{Key: "records", Value: int64(-5)}, {Key: "connected", Value: true}, {Key: "score", Value: 0.25}, {Key: "last_error", Value: text}},
		}
		b, err := e.Append(nil, p)
		require.NoError(t, err)
		expected := []line{{
			p.Name, map[string]string{"stream_label": "a b,c=d", "partition": "1"},
			map[string]any{"records": int64(-5), "connected": true, "score": 0.25, "last_error": redact.Escape(text)}, p.Time,
		}}
		require.Equal(t, expected, readTelegraf(t, b), "%.80q", text)
		require.Equal(t, expected, readUpstream(t, b), "%.80q", text)
		require.Equal(t, 1, bytes.Count(b, []byte("\n")))
	}
}

func FuzzAppendTweet(f *testing.F) {
	for i, text := range nasty {
		f.Add([]byte(text), []byte(text), uint8(i), int64(i)<<40)
	}
	f.Fuzz(func(t *testing.T, text, tag []byte, policy uint8, id int64) {
		if !utf8.Valid(text) || !utf8.Valid(tag) {
			text, tag = bytes.ToValidUTF8(text, []byte("?")), bytes.ToValidUTF8(tag, []byte("?"))
		}
		s := schema(t, Newline(policy%3), AllTags(), AllFields())
		tw := withText(string(text))
		tw.ID, tw.Lang, tw.MediaType, tw.PlaceCountryCode = snowflake.ID(id&(1<<62-1)), tag, tag, tag
		b := AppendTweet(AppendTweet(nil, tw, s), fullTweet(), s)
		expected := []line{want(tw, s), want(fullTweet(), s)}
		require.Equal(t, expected, readTelegraf(t, b))
		require.Equal(t, expected, readUpstream(t, b))
	})
}
