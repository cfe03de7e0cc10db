//go:build unix

package e2e

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

type hostileText struct{ name, json, want string }

// hostile are texts as JSON has them, and as they must land.
var hostile = []hostileText{
	{"newlines", `"one\ntwo\r\nthree\tfour"`, "one\ntwo\r\nthree\tfour"},
	{"newline first and last", `"\n\nx\n"`, "\n\nx\n"},
	{"quotes", `"\"quoted\" and \"\""`, `"quoted" and ""`},
	{"backslashes", `"\\ \\\\ \\\" \\n end\\"`, `\ \\ \" \n end\`},
	{"NUL", `"a\u0000b"`, "a\x00b"},
	{"control characters", `"\u0001\u001b[31m\u007f\b\f"`, "\x01\x1b[31m\x7f\b\f"},
	{"emoji, raw", `"😀👩‍👩‍👧 🇩🇪"`, "😀👩‍👩‍👧 🇩🇪"},
	{"emoji, escaped", `"\ud83d\ude00 \uD83C\uDDE9\uD83C\uDDEA"`, "😀 🇩🇪"},
	{"lone surrogates", `"a\ud800b\udc00"`, "a\ufffdb\ufffd"},
	{"HTML entities stay", `"&amp;lt; &lt;b&gt; \u003cb\u003e \/"`, "&amp;lt; &lt;b&gt; <b> /"},
	{"line separators", `"a\u2028b\u2029c\ufeffd\u0085"`, "a\u2028b\u2029c\ufeffd\u0085"},
	{"a whole metric", `"x\ndecahose_tweet,stream_label=prod id=666i 666\ny"`, "x\ndecahose_tweet,stream_label=prod id=666i 666\ny"},
	{"end of field, then a metric", `"x\" 1\ninjected,a=b id=666i 666\n"`, "x\" 1\ninjected,a=b id=666i 666\n"},
	{"escaped quote, then a metric", `"x\\\" 1\ninjected id=666i\n"`, "x\\\" 1\ninjected id=666i\n"},
	{"comment and commas", `"#c\n# a=b,c=d e\\ f"`, "#c\n# a=b,c=d e\\ f"},
	{"carriage return alone", `"a\rb\r"`, "a\rb\r"},
	{"ids in the text", `"\"id\":1,\"id_str\":\"2\"} {\"id\":3}"`, `"id":1,"id_str":"2"} {"id":3}`},
	{"70 kB", `"` + strings.Repeat(`0123456\n`, 9000) + `"`, strings.Repeat("0123456\n", 9000)},
	{"1 MB", `"` + strings.Repeat(`\"\\`, 500000) + `"`, strings.Repeat(`"\`, 500000)},
}

// hostileLangs become a tag, which has rules of its own; what lands is looked at for all but its newline.
var hostileLangs = []string{"en", "a b", "a,b", "a=b", `a"b`, "ü"}

// hostileRecord is the i-th record; ids count up from first, one a millisecond.
func hostileRecord(first int64, i int) (id int64, record string) {
	id = first + int64(i)<<22
	lang := strconv.Quote(hostileLangs[i%len(hostileLangs)])
	return id, fmt.Sprintf(`{"created_at":"Sun Mar 01 12:00:00 +0000 2026","id":%d,"id_str":"%d","text":%s,`+
		`"source":"<a href=\"http:\/\/x\">A \"b\"\\\n<\/a>","user":{"id":7,"id_str":"7","screen_name":"q\"u\\o\nte","followers_count":1,"verified":false},`+
		`"entities":{"hashtags":[{"text":"a\"b\\\nc"}],"urls":[],"user_mentions":[]},"lang":%s}`, id, id, hostile[i].json, lang)
}

// serveHostile answers each connection of partition 1 with all records, others with heartbeats.
func serveHostile(t *testing.T, first int64) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		for i := range hostile {
			if _, record := hostileRecord(first, i); r.URL.Query().Get("partition") == "1" {
				fmt.Fprintf(zip, "%s\r\n", record)
			}
		}
		for r.Context().Err() == nil {
			fmt.Fprint(zip, "\r\n")
			_ = zip.Flush()
			w.(http.Flusher).Flush()
			<-time.After(200 * time.Millisecond)
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	return server
}

// Whatever users write arrives as they wrote it, in a metric of its own.
func TestHostileText(t *testing.T) {
	t.Parallel()
	first := (time.Now().UnixMilli() - 1288834974657) << 22
	s := &stage{T: t, dir: t.TempDir(), url: serveHostile(t, first).URL}
	a := s.run("a", s.stream())
	env.Until(s.within(20*time.Second), func() bool { return len(a.ids()) >= len(hostile) })
	a.stop()
	landed := map[int64]env.Metric{}
	for _, m := range a.landed() {
		require.NotContains(t, landed, m.ID())
		landed[m.ID()] = m
	}
	require.Len(t, landed, len(hostile))
	for i, h := range hostile {
		id, _ := hostileRecord(first, i)
		m := landed[id]
		require.True(t, m.Fields["text"] == h.want, "%s: %.80q", h.name, m.Fields["text"])
		require.Equal(t, "q\"u\\o\nte", m.Fields["user_screen_name"], h.name)
		require.Equal(t, "a\"b\\\nc", m.Fields["hashtags"], h.name)
		require.Equal(t, "A \"b\"\\\n", m.Fields["source"], h.name)
		require.Equal(t, hostileLangs[i%len(hostileLangs)], m.Tags["lang"], h.name)
		require.Equal(t, identity(id).UnixNano(), m.Time.UnixNano(), h.name)
	}
	counters, err := os.ReadFile(a.counters)
	require.NoError(t, err)
	require.NotContains(t, string(counters), "injected")
	require.Zero(t, a.Log.Count("parse error"))
}
