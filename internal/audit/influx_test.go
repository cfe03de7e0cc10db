package audit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A real InfluxDB 1 is asked by `make test-stores`. InfluxDB 2 and 3 cannot be had where these tests run: their servers
// are stood in for here, as their documentation describes what they answer. Faults are stood in for always.

// asked is the last request of a stand-in.
type asked struct {
	path, query, auth, body string
}

// standIn answers each request with the next text; "500 …" is a failure.
func standIn(t *testing.T, last *asked, answers ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*last = asked{r.URL.Path, r.URL.Query().Get("q"), r.Header.Get("Authorization"), string(body)}
		text := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		if code, rest, ok := strings.Cut(text, " "); ok && len(code) == 3 {
			n, _ := strconv.Atoi(code)
			w.WriteHeader(n)
			text = rest
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const keys = `{"results":[{"series":[{"name":"decahose_tweet","columns":["fieldKey","fieldType"],"values":[["hashtag_count","integer"],["%s","integer"]]}]}]}`

func TestInflux1(t *testing.T) {
	var last asked
	url := standIn(t, &last, fmt.Sprintf(keys, "id"),
		fmt.Sprintf(`{"results":[{"series":[{"columns":["time","count"],"values":[[%d,7],[%d,9]]}]}]}`, noon.Nano(), (noon+1).Nano()),
		fmt.Sprintf(`{"results":[{"series":[{"columns":["time","id"],"values":[[%d,%d],[%d,%d],[%[1]d,%[2]d]]}]}]}`,
			noon.Nano(), idsOf(noon, 1)[0], (noon+1).Nano(), idsOf(noon+1, 1)[0]))
	s := open(t, Config{Type: influx1, URL: url + "/", Database: "tw", RetentionPolicy: "week", Username: "u", Password: "secret"})
	counts, err := s.Counts(t.Context(), noon, noon+1)
	require.NoError(t, err)
	require.Equal(t, map[timeline.Minute]int64{noon: 7}, counts, "what was not asked for is left out")
	require.Equal(t, "/query", last.path)
	require.Equal(t, fmt.Sprintf(`SELECT count(distinct("id")) FROM "week"."decahose_tweet" WHERE time >= %d AND time < %d AND "stream_label" = 'prod' GROUP BY time(1m) fill(none)`,
		noon.Nano(), (noon+1).Nano()), last.query)
	require.NotEmpty(t, last.auth)
	ids, err := s.IDs(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, idsOf(noon, 1), ids)
}

// Without the field id a point's time tells its Tweet, unless times are rounded: then only counts are known.
func TestInflux1ByTime(t *testing.T) {
	answer := func(round int64) string {
		var rows []string
		for i := range 20 {
			ns, _ := (idsOf(noon, 20)[i] | 99<<12).Nano()
			rows = append(rows, fmt.Sprintf("[%d,3]", ns/round*round))
		}
		return `{"results":[{"series":[{"columns":["time","hashtag_count"],"values":[` + strings.Join(rows, ",") + `]}]}]}`
	}
	var last asked
	s := open(t, Config{Type: influx1, Database: "tw", URL: standIn(t, &last, fmt.Sprintf(keys, "url_count"), answer(1))})
	ids, err := s.IDs(t.Context(), noon)
	require.NoError(t, err)
	require.Len(t, ids, 20)
	require.Equal(t, idsOf(noon, 1)[0]|99<<12, ids[0])
	require.Zero(t, s.Rounds())
	s = open(t, Config{Type: influx1, Database: "tw", URL: standIn(t, &last, fmt.Sprintf(keys, "url_count"), answer(1000))})
	_, err = s.IDs(t.Context(), noon)
	require.ErrorIs(t, err, ErrNoIDs)
	require.ErrorContains(t, err, "rounded to 1µs")
	require.Equal(t, time.Microsecond, s.Rounds())
}

func TestInflux2(t *testing.T) {
	var last asked
	csv := func(header, rows string) string {
		return strings.ReplaceAll(header+"\n"+rows+"\n"+header+"\n"+rows, "\n", "\r\n")
	}
	url := standIn(t, &last,
		csv(",result,table,_start,_stop,_value", ",_result,0,2026-01-01T12:00:00Z,2026-01-01T12:01:00Z,7\n"),
		csv(",result,table,_time,_value", fmt.Sprintf(",_result,0,2026-01-01T12:00:00.000000001Z,%d\n", idsOf(noon, 1)[0])))
	s := open(t, Config{Type: influx2, URL: url, Organization: "o", Bucket: `b"`, Token: "t0ken"})
	counts, err := s.Counts(t.Context(), noon, noon+1)
	require.NoError(t, err)
	require.Equal(t, map[timeline.Minute]int64{noon: 14}, counts, "a minute may come in parts")
	require.Equal(t, asked{"/api/v2/query", "", "Token t0ken", last.body}, last)
	require.Contains(t, last.body, `from(bucket: "b\"")`)
	require.Contains(t, last.body, `r._measurement == "decahose_tweet" and r._field == "id" and r.stream_label == "prod"`)
	require.Contains(t, last.body, fmt.Sprintf("range(start: time(v: %d), stop: time(v: %d))", noon.Nano(), (noon+1).Nano()))
	ids, err := s.IDs(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, idsOf(noon, 1), ids)
}

func TestInflux3(t *testing.T) {
	var last asked
	url := standIn(t, &last, fmt.Sprintf("minute,tweets\n%d,7\n%d,8\n", noon, noon+9), fmt.Sprintf("id\n%d\n", idsOf(noon, 1)[0]))
	s := open(t, Config{Type: influx3, URL: url, Database: "d", Token: "t0ken"})
	counts, err := s.Counts(t.Context(), noon, noon+1)
	require.NoError(t, err)
	require.Equal(t, map[timeline.Minute]int64{noon: 7}, counts)
	require.Equal(t, asked{"/api/v3/query_sql", "", "Bearer t0ken", last.body}, last)
	require.Contains(t, last.body, `"db":"d"`)
	require.Contains(t, last.body, `time \u003e= '2026-01-01T11:59:59Z'`)
	ids, err := s.IDs(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, idsOf(noon, 1), ids)
}

// What servers say when something is wrong is told, in one line, without a credential.
func TestFaultsOfHTTP(t *testing.T) {
	var last asked
	for name, c := range map[string]struct {
		kind, answer, says string
	}{
		"unauthorized":         {influx2, "401 {\"message\":\n\"t0ken is wrong\"}", "401 Unauthorized"},
		"a redirect":           {influx3, "302 elsewhere", "302 Found"},
		"an error in the CSV":  {influx2, "\r\nerror,reference\r\n\"bucket \"\"b\"\" not found\",897\r\n", `bucket "b" not found`},
		"other columns":        {influx3, "a,b\n1,2\n", "no columns minute, tweets"},
		"no number":            {influx3, "minute,tweets\nx,y\n", "a minute and a count are due"},
		"not JSON":             {influx1, "<html>", "invalid character"},
		"no measurement":       {influx1, `{"results":[{}]}`, `database "d" has no measurement "decahose_tweet"`},
		"no field of ours":     {influx1, fmt.Sprintf(keys, "x")[:len(keys)-2] + "}", "no field id"},
		"an error of InfluxQL": {influx1, `{"results":[{"error":"database not found: d"}]}`, "database not found: d"},
		"an error of all":      {influx1, `{"error":"timeout"}`, "timeout"},
		"half an answer":       {influx1, `{"results":[{"partial":true,"series":[]}]}`, "cut its answer"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.ReplaceAll(c.answer, "hashtag_count", "other")
			s := open(t, Config{Type: c.kind, URL: standIn(t, &last, text), Database: "d", Bucket: "b", Organization: "o", Token: "t0ken"})
			_, err := s.Counts(t.Context(), noon, noon+1)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "t0ken")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestAStoreThatIsDown(t *testing.T) {
	var last asked
	url := standIn(t, &last, "")
	s := open(t, Config{Type: influx1, URL: "http://127.0.0.1:1", Database: "d"})
	_, err := s.Counts(t.Context(), noon, noon+1)
	require.ErrorContains(t, err, "reach the store at 127.0.0.1:1")
	s = open(t, Config{Type: influx1, URL: url, Database: "d"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Counts(ctx, noon, noon+1)
	require.ErrorIs(t, err, context.Canceled)
	for _, dsn := range []string{"postgres://u:p4ssw0rd@127.0.0.1:1/d", "u:p4ssw0rd@tcp(127.0.0.1:1)/d"} {
		kind := mysqlType
		if strings.HasPrefix(dsn, "postgres") {
			kind = postgresql
		}
		_, err := Open(t.Context(), Config{Type: kind, DSN: dsn})
		require.ErrorContains(t, err, "reach the "+kind+" store")
		require.NotContains(t, err.Error(), "p4ssw0rd")
	}
}

func TestTypes(t *testing.T) {
	for _, kind := range Types() {
		count, ids := DefaultQueries(kind)
		require.Equal(t, kind != fileType, count != "" && ids != "", kind)
	}
	_, err := Open(t.Context(), Config{Type: "mongo"})
	require.ErrorContains(t, err, "is not one of")
	require.Equal(t, snowflake.ID(0), snowflake.First(snowflake.Epoch))
}
