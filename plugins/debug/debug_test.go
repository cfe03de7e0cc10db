package debug

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// looked is a Server, what it said, and how it is asked.
type looked struct {
	*Server
	address string
	dir     string
	said    chan string
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func begin(t *testing.T) *looked {
	t.Helper()
	l := &looked{address: free(t), dir: filepath.Join(t.TempDir(), "debug"), said: make(chan string, 10)}
	s, err := Start(Config{Listen: l.address, Directory: l.dir, Status: func() any { return map[string]int{"open": 2} },
		Say: func(level byte, text string) { l.said <- string(level) + " " + text }})
	require.NoError(t, err)
	l.Server = s
	t.Cleanup(s.Close)
	return l
}

func (l *looked) ask(t *testing.T, method, path string, header ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+l.address+path, nil)
	require.NoError(t, err)
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

const (
	packedProfile = "\x1f\x8b"
	traceMagic    = "go 1."
)

func TestAnswers(t *testing.T) {
	l := begin(t)
	for path, begins := range map[string]string{
		"/": "telegraf-decahose", "/debug/pprof/": "telegraf-decahose", "/debug/status": "{\n  \"open\": 2\n}\n",
		"/debug/pprof/heap": packedProfile, "/debug/pprof/heap?debug=1&gc=1": "heap profile", "/debug/pprof/goroutine?debug=2": "goroutine ",
		"/debug/pprof/mutex": packedProfile, "/debug/pprof/profile?seconds=1": packedProfile, "/debug/flight": traceMagic,
	} {
		status, body := l.ask(t, http.MethodGet, path)
		require.Equal(t, http.StatusOK, status, path)
		require.True(t, strings.HasPrefix(body, begins), "%s: %.40q", path, body)
	}
}

func TestRefused(t *testing.T) {
	l := begin(t)
	for name, test := range map[string]struct {
		method, path string
		header       []string
		status       int
	}{
		"foreign name":    {http.MethodGet, "/debug/status", []string{"Host", "rebound.example:6060"}, http.StatusMisdirectedRequest},
		"foreign address": {http.MethodGet, "/debug/status", []string{"Host", "192.0.2.1"}, http.StatusMisdirectedRequest},
		"a page":          {http.MethodGet, "/debug/status", []string{"Origin", "http://127.0.0.1"}, http.StatusForbidden},
		"a page's image":  {http.MethodGet, "/debug/pprof/profile", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"typed address":   {http.MethodGet, "/debug/status", []string{"Sec-Fetch-Site", "none"}, http.StatusOK},
		"POST":            {http.MethodPost, "/debug/status", nil, http.StatusMethodNotAllowed},
		"command line":    {http.MethodGet, "/debug/pprof/cmdline", nil, http.StatusNotFound},
		"long profile":    {http.MethodGet, "/debug/pprof/profile?seconds=3600", nil, http.StatusBadRequest},
		"other style":     {http.MethodGet, "/debug/pprof/heap?debug=x", nil, http.StatusBadRequest},
		"other path":      {http.MethodGet, "/debug/vars", nil, http.StatusNotFound},
	} {
		status, body := l.ask(t, test.method, test.path, test.header...)
		require.Equal(t, test.status, status, "%s: %s", name, body)
	}
}

func TestThisHostOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:6060", "host.example:1", "127.0.0.1"} {
		_, err := Start(Config{Listen: address})
		require.EqualError(t, err, "it is not an address of this host only", address)
	}
	l := begin(t)
	_, err := Start(Config{Listen: l.address})
	require.ErrorContains(t, err, "address already in use")
}

// A gap leaves the last seconds in a file of its own, once a minute at most.
func TestRecording(t *testing.T) {
	l := begin(t)
	l.GapOpened()
	said := <-l.said
	path, ok := strings.CutPrefix(said, "I debug: the last seconds before the gap are in ")
	require.True(t, ok, said)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	dir, err := os.Stat(l.dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), dir.Mode().Perm())
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(body), traceMagic))
	l.GapOpened()
	l.GapOpened()
	l.Close()
	all, err := os.ReadDir(l.dir)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Empty(t, l.said)
}

// Recordings are few, whatever a kill left. Files of others stay.
func TestFewRecordings(t *testing.T) {
	dir := t.TempDir()
	for i := range 12 {
		for _, name := range []string{"gap-%02d.trace", "gap-%02d.trace.new", "notes-%02d.trace"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf(name, i)), nil, 0o600))
		}
	}
	require.NoError(t, writeRecording(filepath.Join(dir, "gap-12.trace"), []byte("x")))
	count := map[string]int{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), "-")
		count[name]++
	}
	require.Equal(t, map[string]int{"gap": maxRecordings, "notes": 12}, count)
	require.NoFileExists(t, filepath.Join(dir, "gap-04.trace"))
	require.FileExists(t, filepath.Join(dir, "gap-05.trace"))
}

// A profile under way does not hold up the end, and nobody is heard after it. Two inputs share the process's recorder.
func TestClose(t *testing.T) {
	l, other := begin(t), begin(t)
	c, err := net.Dial("tcp", l.address)
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET /debug/pprof/profile?seconds=60 HTTP/1.1\r\nHost: "+l.address+"\r\n\r\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, stacks := other.ask(t, http.MethodGet, "/debug/pprof/goroutine?debug=2")
		return strings.Contains(stacks, "runtime/pprof.profileWriter")
	}, 10*time.Second, time.Millisecond)
	status, _ := other.ask(t, http.MethodGet, "/debug/pprof/profile")
	require.Equal(t, http.StatusConflict, status)
	began := time.Now()
	l.Close()
	require.Less(t, time.Since(began), 5*time.Second)
	_, err = net.Dial("tcp", l.address)
	require.Error(t, err)
	status, _ = other.ask(t, http.MethodGet, "/debug/flight")
	require.Equal(t, http.StatusOK, status)
	other.Close()
	_, err = recorder.snapshot()
	require.ErrorIs(t, err, errNoRecorder)
}

// Connections that say nothing are few.
func TestFewConnections(t *testing.T) {
	l := begin(t)
	for i := range maxConnections + 1 {
		c, err := net.Dial("tcp", l.address)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		if i == maxConnections {
			require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
			_, err := c.Read(make([]byte, 1))
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]int{"": 7, "1": 1, "60": 60, "0": 0, "61": 0, "-1": 0, "1e1": 0} {
		n, err := number(&http.Request{URL: must(http.NewRequest(http.MethodGet, "/?seconds="+text, nil)).URL}, "seconds", 7, 1, 60)
		require.Equal(t, want, n, text)
		require.Equal(t, want == 0, err != nil, strconv.Quote(text))
	}
}

func must(req *http.Request, err error) *http.Request {
	if err != nil {
		panic(err)
	}
	return req
}
