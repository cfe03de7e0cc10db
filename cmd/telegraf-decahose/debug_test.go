//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
)

// Under inputs.execd, as compiled in, the debug listener lives as long as the stream: a silent client and a profile under
// way do not hold up the stop. Nothing of it is on stdout.
func TestDebugListenerEndsWithTheProcess(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	c := spawn(t, nil, "-config", configure(t, oneTweet(t).URL, "[inputs.decahose.debug]", fmt.Sprintf("  listen = %q", address))).collect()
	c.waitEmitted("decahose_tweet,", 1)
	resp, err := http.Get("http://" + address + "/debug/status")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, string(body), `"connections_open": 1`)
	for _, request := range []string{"", "GET /debug/pprof/profile?seconds=60 HTTP/1.1\r\nHost: " + address + "\r\n\r\n"} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
	}
	began := time.Now()
	c.signal(syscall.SIGTERM)
	c.exits(process.ExitStopped, contractLimit)
	require.Less(t, time.Since(began), 4*time.Second)
	require.Zero(t, c.emitted("goroutine"))
	clitest.RequireLogLines(t, c.stderr.String())
	_, err = net.Dial("tcp", address)
	require.Error(t, err)
}
