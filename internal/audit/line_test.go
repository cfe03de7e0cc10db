package audit

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// seen is a point with its bytes taken out of the reader's hands.
type seen struct {
	name, label string
	id, ns      int64
	hasID       bool
}

func readLines(t require.TestingT, r io.Reader) (all []seen, bad int64) {
	l := lineproto.NewReader(r)
	for {
		line, err := l.Next()
		if errors.Is(err, io.EOF) {
			return all, l.Malformed
		}
		require.NoError(t, err)
		p := landedOf(line)
		all = append(all, seen{p.name, p.label, int64(p.id), p.ns, p.hasID})
	}
}

func TestLines(t *testing.T) {
	const good = "decahose_tweet,kind=original,stream_label=prod id=5i 1000\n"
	for name, c := range map[string]struct {
		text  string
		names string
		bad   int64
	}{
		"one":                        {good, "decahose_tweet", 0},
		"empty":                      {"", "", 0},
		"blank lines and comments":   {"\n \n# decahose_tweet id=1i 1\n\r\n" + good, "decahose_tweet", 0},
		"other measurements":         {"cpu,host=a\\ b usage=1.5e-3,ok=true 7\n" + good, "cpu decahose_tweet", 0},
		"a text with newlines":       {"decahose_tweet text=\"a\ndecahose_tweet id=9i 9\n\",id=1i 1\n" + good, "decahose_tweet decahose_tweet", 0},
		"quotes in a text":           {`decahose_tweet text="a \" \\",id=1i 1` + "\n" + good, "decahose_tweet decahose_tweet", 0},
		"a line that is being cut":   {good + "decahose_tweet text=\"a\ndecahose_tweet id=9i 9\n", "decahose_tweet", 0},
		"a line without its newline": {good + "decahose_tweet id=9i 9", "decahose_tweet", 0},
		"a torn line, then others":   {"decahose_tweet text=\"abc" + good + `decahose_tweet text="b",id=2i 2` + "\n" + good, "decahose_tweet decahose_tweet", 1},
		"no fields":                  {"decahose_tweet,a=b 7\n" + good, "decahose_tweet", 1},
		"no time":                    {"decahose_tweet id=4i\n", "decahose_tweet", 0},
		"Windows":                    {"decahose_tweet id=4i 7\r\n" + good, "decahose_tweet decahose_tweet", 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
				all, bad := readLines(t, r)
				var names []string
				for _, p := range all {
					names = append(names, p.name)
				}
				require.Equal(t, c.names, strings.Join(names, " "))
				require.Equal(t, c.bad, bad)
			}
		})
	}
}

// What this project emits is read back, whatever the text is.
func TestLinesOfOurOwn(t *testing.T) {
	schema, err := encode.NewSchema(`pr od,x=y`, nil, nil, encode.Keep)
	require.NoError(t, err)
	tw := &tweet.Tweet{ID: snowflake.First(1_700_000_000_000) | 4_195_311, Text: []byte("a\n\"b\" \\ , =\r\n"), UserScreenName: []byte(`x\`)}
	b := encode.AppendTweet(nil, tw, schema)
	b = encode.AppendTweet(b, tw, schema)
	all, bad := readLines(t, bytes.NewReader(b))
	ns, _ := tw.ID.Nano()
	want := seen{"decahose_tweet", `pr od,x=y`, int64(tw.ID), ns, true}
	require.Equal(t, []seen{want, want}, all)
	require.Zero(t, bad)
}

// telegrafReads is what Telegraf's parser makes of a whole text; nothing where it cannot read it, or panics, as it does
// of a quote and a backslash.
func telegrafReads(text []byte) (metrics []telegraf.Metric) {
	defer func() {
		if recover() != nil {
			metrics = nil
		}
	}()
	p := &influx.Parser{}
	if p.Init() != nil {
		return nil
	}
	metrics, err := p.Parse(text)
	if err != nil {
		return nil
	}
	return metrics
}

// FuzzLines: the reader ends, and where Telegraf's parser reads the whole text it reads the same points.
func FuzzLines(f *testing.F) {
	for _, text := range []string{"decahose_tweet,stream_label=a id=1i 5\n", "a b=\"x\ny\\\"\",c=1,d=t 1\nb c=1u\n", "a,b=c\\,d\\ e f=1 2\n\n#x\n",
		"a b=\"\n", "a b=1 2 3\n", "\\a b=1\n", "a=b c=1 5\n", "a b=.5,c=1e3 -5\n", "\"\\"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		all, _ := readLines(t, bytes.NewReader(text))
		slow, _ := readLines(t, iotest.HalfReader(bytes.NewReader(text)))
		require.Equal(t, all, slow)
		if !utf8.Valid(text) || bytes.ContainsAny(text, "\x00\v\f\r") || bytes.Contains(text, []byte(`\`)) && !bytes.Contains(text, []byte(`"`)) {
			return // they differ on bytes that no Tweet's line has
		}
		var ours, theirs []int64
		for _, p := range all {
			if p.name == "decahose_tweet" && p.hasID {
				ours = append(ours, p.id)
			}
		}
		metrics := telegrafReads(text)
		for _, m := range metrics {
			if id, ok := m.GetField("id"); ok && m.Name() == "decahose_tweet" {
				if n, ok := id.(int64); ok {
					theirs = append(theirs, n)
				}
			}
		}
		if len(metrics) > 0 && text[len(text)-1] == '\n' {
			require.Equal(t, theirs, ours, "%q", text)
		}
	})
}
