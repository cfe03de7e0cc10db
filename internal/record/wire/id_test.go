package wire

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindID(t *testing.T) {
	for in, want := range map[string]int64{
		`{"id":12}`: 12,
		` {"created_at":"x","id":12,"id_str":"13"}`:     12,
		`{"id_str":"13","id":12}`:                       13,
		`{"id":"14"}`:                                   14,
		`{"id":"tag:search.twitter.com,2005:15"}`:       15,
		`{"\u0069d":16}`:                                16,
		`{"id_str":"1\u0037"}`:                          17,
		`{"id":null,"id_str":"18"}`:                     18,
		`{"id":1.0,"id_str":"19"}`:                      19,
		`{"id":-1,"id_str":"20"}`:                       20,
		`{"id":9223372036854775807}`:                    1<<63 - 1,
		`{"id":9223372036854775808}`:                    0,
		`{"id":"99999999999999999999"}`:                 0,
		`{"id":0}`:                                      0,
		`{"id":"abc"}`:                                  0,
		`{"id":"object:search.twitter.com,2005:1"}`:     0,
		`{"id":"tag:search.twitter.com,2012:user\/1"}`:  0,
		`{"id_str":"tag:search.twitter.com,2005:1"}`:    0,
		`{"user":{"id":5}}`:                             0,
		`{"text":"\"id\":6,","a":[{"id":7}],"id":21}`:   21,
		`{"retweeted_status":{"id":8},"id":22,"text":"`: 22,
		`{"delete":{"status":{"id":9}}}`:                0,
		`{"id":23`:                                      0,
		`{"id_str":"24"`:                                24,
		`{"a":b,"id":25}`:                               0,
		`[{"id":26}]`:                                   0,
		`"id":27`:                                       0,
		``:                                              0,
		`{`:                                             0,
		`{"id`:                                          0,
		`{"id":`:                                        0,
		`{"id":"1`:                                      0,
		`{"id":01}`:                                     0,
		"{\n\"id\"\n:\n28\n}":                           28,
		`{"x":` + strings.Repeat("[", 1000) + `,"id":29`: 0,
	} {
		id, ok := FindID([]byte(in))
		require.EqualValues(t, want, id, in)
		require.Equal(t, want != 0, ok, in)
	}
}

var glue = regexp.MustCompile(`}[\x00-\x20]*{`)

func FuzzGlue(f *testing.F) {
	f.Add([]byte(`{"id":1,"text":"aaaaaaaaaaaaaaaaaaaaaa"}{"id":2}`))
	f.Add([]byte(`{"a":[{},{}],"bbbbbbbbbbbbbb":{"c":{}}}`))
	f.Fuzz(func(t *testing.T, rec []byte) {
		require.Equal(t, glue.Match(rec), mayBeGlued(rec))
		id, ok := FindID(rec)
		require.Equal(t, ok, id > 0)
		ParseNotice(rec)
		NoticeRoot(rec)
	})
}

func TestGlueIsSeenAtEveryPlace(t *testing.T) {
	for _, glue := range []string{"}{", "} {", "}\n\t {"} {
		for at := range 40 {
			rec := []byte(strings.Repeat("x", at) + glue + strings.Repeat("y", 40-at))
			require.True(t, mayBeGlued(rec), "%s", rec)
		}
	}
	for _, plain := range []string{"},", "}]", "}}", "x{", "}", "} x", "}x {"} {
		for at := range 40 {
			require.False(t, mayBeGlued([]byte(strings.Repeat("x", at)+plain)))
		}
	}
}

func TestParseNotice(t *testing.T) {
	for in, want := range map[string]NoticeMessage{
		`{"error":{"message":"Forced Disconnect: Too many connections. (Allowed Connections = 2)","sent":"2017-01-11T18:12:52+00:00"}}`: {
			Root: "error", Message: "Forced Disconnect: Too many connections. (Allowed Connections = 2)", Sent: "2017-01-11T18:12:52+00:00"},
		`{"info":{"message":"Replay Request Completed","sent":"s","activity_count":8874}}`: {
			Root: "info", Message: "Replay Request Completed", Sent: "s", ActivityCount: 8874, Counted: true},
		`{"info":{"message":"m","minutes_failed":["a"," b\n",3,null,"",{"at": 1}]}}`: {
			Root: "info", Message: "m", MinutesFailed: []string{"a", "b", "3", "null", `""`, `{"at": 1}`}},
		`{"info":{"message":"m","unprocessed_range":{"fromDate":"f","toDate":"t"},"activity_count":"many"}}`: {
			Root: "info", Message: "m", UnprocessedFrom: "f", UnprocessedTo: "t"},
		`{"warn":{"message":"Some warning.\n\n"}}`: {Root: "warn", Message: "Some warning."},
		`{"error":"gone"}`:                         {Root: "error", Message: "gone"},
		`{"errors":[{"title":"operational-disconnect","disconnect_type":"UpstreamOperationalDisconnect","detail":"bye"}]}`: {
			Root: "errors", Message: "operational-disconnect: UpstreamOperationalDisconnect: bye"},
		`{"errors":[{"message":"old"}]}`: {Root: "errors", Message: "old"},
		`{"title":"ConnectionException","connection_issue":"TooManyConnections","detail":"d"}`: {
			Root: "title", Message: "ConnectionException: TooManyConnections: d"},
	} {
		n, ok := ParseNotice([]byte(in))
		require.True(t, ok, in)
		require.Equal(t, want, n)
	}
	for _, in := range []string{`{"delete":{}}`, `{"data":{},"errors":[{"title":"x"}]}`, `[]`, `null`, `{`, ``, `{"error":5}`, `{"errors":[]}`, `{"errors":5}`} {
		_, ok := ParseNotice([]byte(in))
		require.False(t, ok, in)
	}
}

func TestNoticeRoot(t *testing.T) {
	for in, want := range map[string]string{
		`{"delete":{}}`: "delete", ` {"warn":1`: "warn", `{}`: "", `[]`: "", ``: "", `{"x`: "",
		`{"` + strings.Repeat("é", 50) + `":1}`: strings.Repeat("é", 32), "{\"a\xff\":1}": "a",
	} {
		require.Equal(t, want, NoticeRoot([]byte(in)), in)
	}
}

func TestNoAllocations(t *testing.T) {
	var in []byte
	for range 20 {
		in = append(in, "{\"created_at\":\"x\",\"id\":1465906883030568962,\"text\":\"some text\"}\r\n\r\n{\"info\":{}}\r\n{\"id\":1}{\"id\":2}\r\n"...)
	}
	s := NewScanner(0)
	spare := NewBatch()
	s.Start(NewBatch())
	step := func() {
		s.Advance(copy(s.Space(), in))
		spare = s.Take(spare)
		spare.Reset()
	}
	step()
	require.Zero(t, testing.AllocsPerRun(100, step))
}

func benchRecord(head, tail string) []byte {
	user := `"user":{"id":815279070241955840,"name":"Some One","description":"` + strings.Repeat("words \\u2014 ", 20) + `","followers_count":12345,"flags":[true,false,null]},`
	return []byte("{" + head + strings.Repeat(user, 14) + `"lang":"en"` + tail + "}")
}

func BenchmarkFindID(b *testing.B) {
	first := benchRecord(`"created_at":"Wed Dec 01 04:53:30 +0000 2021","id":1465906883030568962,`, "")
	last := benchRecord("", `,"id":1465906883030568962`)
	run := func(name string, rec []byte, f func([]byte) bool) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(rec)))
			b.ReportAllocs()
			for b.Loop() {
				if !f(rec) {
					b.Fatal("no id")
				}
			}
		})
	}
	find := func(rec []byte) bool { _, ok := FindID(rec); return ok }
	run("first", first, find)
	run("last", last, find)
	run("glue", first, func(rec []byte) bool { return !mayBeGlued(rec) })
	run("encoding_json", first, func(rec []byte) bool {
		var v struct {
			ID int64 `json:"id"`
		}
		return json.Unmarshal(rec, &v) == nil
	})
}
