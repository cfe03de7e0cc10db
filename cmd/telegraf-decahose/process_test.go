//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
)

const contractLimit = 5 * time.Second // from the request to the exit

func TestEndOfStdinStops(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL)).collect()
	c.waitEmitted("decahose_tweet,", 1)
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitStopped, contractLimit)
	c.waitEmitted("decahose_stream,", 1) // the last counters
	c.waitEmitted("decahose_volume,", 1)
	require.Equal(t, 1, c.emitted("decahose_tweet,"))
	clitest.RequireLogLines(t, c.stderr.String())
}

func TestClosedStdinStops(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL))
	require.NoError(t, c.stdin.Close())
	c.collect().exits(process.ExitStopped, contractLimit)
}

// A configuration on a file system that hangs must not hold up the stop.
func TestStopWhileReadingTheConfiguration(t *testing.T) {
	pipe := t.TempDir() + "/pipe"
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	c := spawn(t, nil, "-config", pipe)
	held, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns when the child reads it
	require.NoError(t, err)
	defer held.Close()
	c.signal(syscall.SIGTERM)
	c.exits(process.ExitStopped, contractLimit)
}

func TestPolls(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL), "-poll_interval", "0").collect()
	c.waitEmitted("decahose_tweet,", 1)
	require.Zero(t, c.emitted("decahose_stream,"))
	for i, ask := range []func(){
		func() { c.signal(syscall.SIGHUP) },
		func() { c.signal(syscall.SIGUSR1) },
		func() { c.signal(syscall.SIGUSR2) },
		func() { fmt.Fprintln(c.stdin) },
	} {
		ask()
		c.waitEmitted("decahose_stream,", i+1)
	}
	c.signal(syscall.SIGTERM)
	c.exits(process.ExitStopped, contractLimit)
}

func TestPollInterval(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL), "--poll_interval", "50ms").collect()
	c.waitEmitted("decahose_connection,", 3)
	c.signal(syscall.SIGINT)
	c.exits(process.ExitStopped, contractLimit)
}

// flood never ends and is large, so that an unread pipe fills.
func flood(t *testing.T) *httptest.Server {
	text := strings.Repeat("x", 2000)
	return serve(t, true, func(n int) []string {
		lines := make([]string, 0, 20)
		for i := range 20 {
			lines = append(lines, record(n*20+i, text))
		}
		return lines
	})
}

func TestBlockedStdout(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, flood(t).URL))
	c.waitStuck()
	c.signal(syscall.SIGTERM)
	c.exits(process.ExitStopped, contractLimit)
	clitest.RequireLogLines(t, c.stderr.String())
}

func TestBlockedStdoutOnTheAccumulatorsRoad(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, flood(t).URL, `name_override = "other"`))
	c.waitStuck()
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitStopped, contractLimit)
}

func TestSecondSignalExitsAtOnce(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, flood(t).URL))
	c.waitStuck()
	c.signal(syscall.SIGTERM)
	c.signal(syscall.SIGINT) // another one, since two of a kind may arrive as one
	c.exits(process.ExitFailure, time.Second)
}

// Ctrl-C in the terminal of the agent reaches the plugin as a signal, and the agent closes stdin.
func TestEndOfStdinAndASignalAreOneStop(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL), "-poll_interval", "0").collect()
	c.waitEmitted("decahose_tweet,", 1)
	require.NoError(t, c.stdin.Close())
	c.signal(syscall.SIGINT)
	c.exits(process.ExitStopped, contractLimit)
	c.waitEmitted("decahose_stream,", 1)
}

func TestReaderGone(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL), "-poll_interval", "50ms")
	require.NoError(t, c.stdout.Close())
	c.exits(process.ExitFailure, patience)
	require.Contains(t, c.stderr.String(), "E! write to stdout: ")
}

func TestReaderGoneAtTheStop(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL), "-poll_interval", "0")
	require.NoError(t, c.stdout.Close())
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitFailure, contractLimit)
	require.Contains(t, c.stderr.String(), "E! write to stdout: ")
}

func TestUnreachableIsNotAnError(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c := spawn(t, nil, "-config", configure(t, s.URL), "-poll_interval", "50ms").collect()
	c.waitEmitted("decahose_stream,", 2)
	require.NoError(t, c.stdin.Close())
	c.exits(process.ExitStopped, contractLimit)
}

func TestCredentials(t *testing.T) {
	var got [2]string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		default:
		}
		got[0], got[1], _ = r.BasicAuth()
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer s.Close()
	file := t.TempDir() + "/password"
	require.NoError(t, os.WriteFile(file, []byte("fi le\n\n"), 0o600))
	for _, test := range []struct {
		name, from, to, want string
		env                  []string
	}{
		{"a dollar sign is written twice", `password = "pass"`, `password = "pa$$w0rd"`, "pa$w0rd", nil},
		{"file", `password = "pass"`, fmt.Sprintf("password_file = %q", file), "fi le\n", nil},
		{"environment", `password = "pass"`, "", "from env", []string{"DECAHOSE_PASSWORD=from env"}},
		{"no lockable memory", `password = "pass"`, `password = "locked"`, "locked", []string{lockEnv + "=1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := configure(t, s.URL)
			conf, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(conf), test.from, test.to, 1)), 0o600))
			c := spawn(t, test.env, "-config", path).collect()
			c.waitFor("E! line", func() bool { return strings.Contains(c.stderr.String(), "E! ") })
			c.signal(syscall.SIGTERM)
			c.exits(process.ExitStopped, contractLimit)
			require.Equal(t, "user", got[0])
			require.Equal(t, test.want, got[1])
			require.NotContains(t, c.stderr.String()+c.lines.String(), test.want)
		})
	}
}
