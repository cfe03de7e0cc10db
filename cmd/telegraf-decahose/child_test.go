//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
)

const (
	childEnv = "DECAHOSE_TEST_CHILD" // set: the test binary is the program
	lockEnv  = "DECAHOSE_TEST_NO_LOCK"
	// patience bounds waits for real processes on a loaded machine.
	patience = 20 * time.Second
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(lockEnv) != "" {
		_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{})
	}
	main()
}

// child is one run of the program.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *os.File // read end
	stderr *buffer
	lines  *buffer // what collect has read of stdout
	ended  chan struct{}
	rc     int
	wg     sync.WaitGroup
}

// buffer collects output while others look at it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// spawn starts the program; nothing reads its stdout before collect.
func spawn(t *testing.T, env []string, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{t: t, cmd: exec.Command(self, args...), stderr: &buffer{}, lines: &buffer{}, ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), append(env, childEnv+"=1", "GORACE=atexit_sleep_ms=10")...)
	c.cmd.Stderr = c.stderr
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	c.stdout, c.cmd.Stdout = read, write
	require.NoError(t, c.cmd.Start())
	require.NoError(t, write.Close())
	t.Cleanup(func() { c.kill(); read.Close(); c.wg.Wait() })
	c.wg.Go(c.wait)
	return c
}

func (c *child) wait() {
	_ = c.cmd.Wait() // the code is in the state
	c.rc = c.cmd.ProcessState.ExitCode()
	close(c.ended)
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.ended
}

func (c *child) collect() *child {
	c.wg.Go(func() { _, _ = io.Copy(c.lines, c.stdout) }) // ends with the child
	return c
}

func (c *child) signal(s syscall.Signal) { require.NoError(c.t, c.cmd.Process.Signal(s)) }

// exits waits for the end and wants code rc within limit.
func (c *child) exits(rc int, limit time.Duration) {
	c.t.Helper()
	select {
	case <-c.ended:
		require.Equal(c.t, rc, c.rc, c.stderr.String())
	case <-time.After(limit):
		require.Fail(c.t, "still running", c.stderr.String())
	}
}

func (c *child) waitFor(what string, holds func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		<-time.After(10 * time.Millisecond)
		if time.Now().After(end) {
			require.Fail(c.t, "waited in vain for "+what, "stderr: %s\nstdout: %.2000s", c.stderr.String(), c.lines.String())
		}
	}
}

// waitStuck waits until nothing more fits the pipe of stdout, which nobody reads.
func (c *child) waitStuck() {
	c.t.Helper()
	c.waitFor("a full pipe", func() bool {
		n, err := unix.IoctlGetInt(int(c.stdout.Fd()), unix.TIOCINQ)
		return err == nil && n >= 60<<10
	})
}

func (c *child) emitted(text string) int { return strings.Count(c.lines.String(), text) }

func (c *child) waitEmitted(text string, n int) {
	c.t.Helper()
	c.waitFor(fmt.Sprintf("%d × %q", n, text), func() bool { return c.emitted(text) >= n })
}

// configure writes a configuration for a server; more are further lines of the input's table.
func configure(t *testing.T, url string, more ...string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "decahose.conf")
	base := []string{"[[inputs.decahose]]", fmt.Sprintf("state_directory = %q", filepath.Join(dir, "state")), `account = "example"`, `stream_label = "prod"`, `username = "user"`,
		`password = "pass"`, `connections = 1`, `partitions = [1]`, fmt.Sprintf("stream_url = %q", url)}
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(append(base, more...), "\n")+"\n"), 0o600))
	return path
}

// record is a Tweet of now, so that its minute is not long over.
func record(n int, text string) string {
	id := (time.Now().UnixMilli()-1288834974657)<<22 | int64(n)
	return fmt.Sprintf(`{"id":%d,"id_str":"%d","text":%q,"lang":"en","source":"<a href=\"https://example.org\">Client</a>",`+
		`"user":{"id":7,"screen_name":"someone","followers_count":3,"verified":false},"entities":{"hashtags":[],"urls":[],"user_mentions":[]}}`, id, id, text)
}

// serve starts a server that gives each connection the records, then heartbeats until it ends.
// With endless the records come again and again, with new ids.
func serve(t *testing.T, endless bool, records func(n int) []string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "user" || !strings.HasPrefix(pass, "pass") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		heartbeat := time.NewTicker(50 * time.Millisecond)
		defer heartbeat.Stop()
		for n := 0; r.Context().Err() == nil; n++ {
			lines := []string{""}
			if n == 0 || endless {
				lines = records(n)
			}
			for _, line := range lines {
				fmt.Fprintf(z, "%s\r\n", line)
			}
			if z.Flush() != nil {
				return
			}
			w.(http.Flusher).Flush()
			if !endless {
				<-heartbeat.C
			}
		}
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// oneTweet serves a single Tweet.
func oneTweet(t *testing.T) *httptest.Server {
	return serve(t, false, func(int) []string { return []string{record(1, "hello")} })
}

// command is one that this process runs, of which nothing is shared with others.
type command struct {
	t              *testing.T
	stdout, stderr bytes.Buffer
}

// runs it and wants its exit code.
func (c *command) runs(code int, args ...string) {
	c.t.Helper()
	c.stdout.Reset()
	c.stderr.Reset()
	got := run(append([]string{"telegraf-decahose"}, args...), &c.stdout, &c.stderr)
	require.Equal(c.t, code, got, "%s%s", c.stdout.String(), c.stderr.String())
	clitest.RequireLogLines(c.t, c.stderr.String())
}
