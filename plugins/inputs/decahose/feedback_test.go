package decahose

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/plugins/listen"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// internalWrite is a body as Telegraf 1.37.2 sends it by outputs.http with per_instance = true, of two outputs, one with
// an alias, and with other points among them.
const internalWrite = `internal_write,_id=8dca4ddf2cc579ecd97d43d9dc374e356f90acb9a442e8f238f3d28b4343e396,host=vm,output=influxdb_v2,version=1.37.2 startup_errors=0i,buffer_size=12i,metrics_filtered=5i,metrics_added=600i,metrics_rejected=4i,errors=0i,buffer_limit=10000i,write_time_ns=160429i,metrics_written=581i,metrics_dropped=3i 1767225600000000000
internal_write,_id=a2b24fbe5e92d048e2355a4a4984619f7e35c59bcb1140bbc7e654509cc24fd0,alias=an\ archive,host=vm,output=file,version=1.37.2 buffer_size=0i,startup_errors=0i,metrics_rejected=0i,write_time_ns=56505i,buffer_limit=500000i,metrics_filtered=0i,errors=0i,metrics_added=600i,metrics_written=600i,metrics_dropped=0i 1767225600000000000
internal_write,_id=a2b24fbe5e92d048e2355a4a4984619f7e35c59bcb1140bbc7e654509cc24fd0,host=vm,input=internal,version=1.37.2 startup_errors=0i 1767225600000000000
internal_agent,go_version=1.26,host=h,version=1.37.2 gather_errors=0i,metrics_dropped=3i 1767225600000000000
internal_write,_id=c3,output=http,version=1.37.2 errors=1i 1767225600000000000
decahose_tweet,stream_label=prod text="two
internal_write,output=fake metrics_added=1i 5" 1767225600000000000
`

// listener is a reports that was made, and the reports that it took.
type listener struct {
	*reports
	url  string
	got  chan feedback.Report
	said chan string
}

func newListener(t *testing.T, f Feedback) *listener {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.Listen = free.Addr().String()
	require.NoError(t, free.Close())
	l := &listener{url: "http://" + f.Listen + "/any", got: make(chan feedback.Report, 10), said: make(chan string, 100)}
	l.reports, err = listenReports(&f, func(r feedback.Report) { l.got <- r }, func(level byte, text string) { l.said <- string(level) + " " + text })
	require.NoError(t, err)
	t.Cleanup(l.reports.close)
	return l
}

func (l *listener) post(t *testing.T, method, body string, header ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "text/plain; charset=utf-8") // as outputs.http does
	req.Header.Set("User-Agent", "Telegraf/1.37.2 Go/1.26")
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

func packed(t *testing.T, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, body)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

func TestReports(t *testing.T) {
	l := newListener(t, Feedback{})
	for _, header := range [][]string{nil, {"Content-Encoding", "identity"}, {"Content-Encoding", "gzip"}} {
		body := internalWrite
		if len(header) > 0 && header[1] == "gzip" {
			body = packed(t, body)
		}
		status, answer := l.post(t, http.MethodPost, body, header...)
		require.Equal(t, http.StatusNoContent, status, answer)
		require.Equal(t, feedback.Report{Output: "influxdb_v2 8dca4ddf", At: 1767225600000000000, Added: 600, Written: 581, Dropped: 3,
			Rejected: 4, Filtered: 5, Size: 12, Limit: 10_000}, <-l.got)
		require.Equal(t, feedback.Report{Output: "file an archive a2b24fbe", At: 1767225600000000000, Added: 600, Written: 600, Limit: 500_000}, <-l.got)
		require.Empty(t, l.got)
	}
	require.Empty(t, l.said)
}

func TestReportsRefused(t *testing.T) {
	l := newListener(t, Feedback{Token: config.NewSecret([]byte("s3cret"))})
	right := []string{"Authorization", "Bearer s3cret"}
	for name, test := range map[string]struct {
		method, body string
		header       []string
		status       int
	}{
		"method":       {http.MethodGet, "", right, http.StatusMethodNotAllowed},
		"no token":     {http.MethodPost, internalWrite, nil, http.StatusUnauthorized},
		"wrong token":  {http.MethodPost, internalWrite, []string{"Authorization", "Bearer s3cre"}, http.StatusUnauthorized},
		"wrong scheme": {http.MethodPost, internalWrite, []string{"Authorization", "Basic s3cret"}, http.StatusUnauthorized},
		"content type": {http.MethodPost, internalWrite, append(right, "Content-Type", "application/json"), http.StatusUnsupportedMediaType},
		"no type":      {http.MethodPost, internalWrite, append(right, "Content-Type", ""), http.StatusUnsupportedMediaType},
		"page":         {http.MethodPost, internalWrite, append(right, "Origin", "http://127.0.0.1:9187"), http.StatusForbidden},
		"no-cors page": {http.MethodPost, internalWrite, append(right, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		"rebound name": {http.MethodPost, internalWrite, append(right, "Host", "private.example:9187"), http.StatusMisdirectedRequest},
		"no lines":     {http.MethodPost, "private text\n", right, http.StatusBadRequest},
		"torn string":  {http.MethodPost, "private v=\"\\", right, http.StatusBadRequest},
		"torn escape":  {http.MethodPost, "\"\\", right, http.StatusBadRequest},
		"no gzip":      {http.MethodPost, "private", append(right, "Content-Encoding", "gzip"), http.StatusBadRequest},
		"torn gzip":    {http.MethodPost, packed(t, internalWrite)[:100], append(right, "Content-Encoding", "gzip"), http.StatusBadRequest},
		"encoding":     {http.MethodPost, "private", append(right, "Content-Encoding", "br"), http.StatusUnsupportedMediaType},
		"large":        {http.MethodPost, strings.Repeat("#", feedbackMost+1), right, http.StatusRequestEntityTooLarge},
		"large packed": {http.MethodPost, packed(t, strings.Repeat("#", feedbackMost+1)), append(right, "Content-Encoding", "gzip"), http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := l.post(t, test.method, test.body, test.header...)
			require.Equal(t, test.status, status, answer)
			require.NotContains(t, answer, "s3cret")
			require.NotContains(t, answer, "private")
			line := <-l.said
			require.True(t, strings.HasPrefix(line, "W feedback: a request from 127.0.0.1:"), line)
			require.True(t, strings.HasSuffix(line, strings.TrimSpace(answer)), line)
			_, _ = l.post(t, test.method, test.body, test.header...)
			require.Empty(t, l.said) // said once
			status, answer = l.post(t, http.MethodPost, "# nothing\n", right...)
			require.Equal(t, http.StatusNoContent, status, answer)
		})
	}
	require.Empty(t, l.got)
}

// Without a token only Telegraf's own way to send is taken, and only of our own user's and root's processes.
func TestReportsWithoutToken(t *testing.T) {
	l := newListener(t, Feedback{})
	status, answer := l.post(t, http.MethodPost, internalWrite, "User-Agent", "curl/8.0")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, answer, "set feedback.token")
	require.Empty(t, l.got)
	other := newListener(t, Feedback{Token: config.NewSecret([]byte("s3cret"))})
	status, answer = other.post(t, http.MethodPost, internalWrite, "User-Agent", "curl/8.0", "Authorization", "Bearer s3cret")
	require.Equal(t, http.StatusNoContent, status, answer)
}

// Strangers to the listener: names that others can claim, names of outputs that fill memory, and times to come.
func TestReportsNamed(t *testing.T) {
	for host, named := range map[string]bool{"127.0.0.1:1": true, "localhost": true, "[::1]:9": true, "::1": true, "10.0.0.1": false, "evil.example": false, "": false} {
		require.Equal(t, named, listen.Names(host, "127.0.0.1"), host)
	}
	for host, named := range map[string]bool{"10.0.0.1:1": true, "telegraf": true, "evil.example": false, "localhost": true} {
		require.Equal(t, named, listen.Names(host, "telegraf"), host)
	}
	l := newListener(t, Feedback{})
	for _, line := range []string{
		strings.Replace(internalWrite, "output=influxdb_v2", "output="+strings.Repeat("x", 300), 1),
		strings.Replace(internalWrite, "1767225600000000000", fmt.Sprint(time.Now().Add(time.Hour).UnixNano()), 1),
	} {
		status, answer := l.post(t, http.MethodPost, line)
		require.Equal(t, http.StatusNoContent, status, answer)
		require.Equal(t, "file an archive a2b24fbe", (<-l.got).Output)
		require.Empty(t, l.got)
	}
}

// Connections that say nothing are few, and end.
func TestReportsFew(t *testing.T) {
	l := newListener(t, Feedback{})
	host := strings.TrimSuffix(strings.TrimPrefix(l.url, "http://"), "/any")
	closed := 0
	var held []net.Conn
	for range feedbackConnections + 20 {
		c, err := net.Dial("tcp", host)
		require.NoError(t, err)
		held = append(held, c)
	}
	for _, c := range held[feedbackConnections:] {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		if _, err := c.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			closed++
		}
	}
	require.Equal(t, 20, closed)
	for _, c := range held {
		c.Close()
	}
	require.Eventually(t, func() bool {
		req, err := http.NewRequest(http.MethodGet, l.url, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.Close
	}, 10*time.Second, 10*time.Millisecond)
}

func TestReportsInUse(t *testing.T) {
	l := newListener(t, Feedback{})
	f := &Feedback{Listen: strings.TrimSuffix(strings.TrimPrefix(l.url, "http://"), "/any")}
	_, err := listenReports(f, nil, nil)
	oe, ok := errors.AsType[*option.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "feedback.listen", oe.Option)
	require.Equal(t, 1, strings.Count(err.Error(), f.Listen), err.Error())
	require.Contains(t, err.Error(), "in use")
}

// A request that hangs does not keep Stop, nor other requests; and after it nothing is taken.
func TestReportsEnd(t *testing.T) {
	l := newListener(t, Feedback{})
	host := strings.TrimSuffix(strings.TrimPrefix(l.url, "http://"), "/any")
	hung, err := net.Dial("tcp", host)
	require.NoError(t, err)
	defer hung.Close()
	_, err = io.WriteString(hung, "POST / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Telegraf/1\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\ninternal")
	require.NoError(t, err)
	status, _ := l.post(t, http.MethodPost, internalWrite)
	require.Equal(t, http.StatusNoContent, status)
	require.Len(t, l.got, 2)
	l.reports.close()
	require.NoError(t, hung.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = io.ReadAll(hung)
	require.NotErrorIs(t, err, net.ErrClosed)
	require.Len(t, l.got, 2)
	_, err = net.Dial("tcp", host)
	require.Error(t, err)
	<-l.turn // so that it may be closed again
}
