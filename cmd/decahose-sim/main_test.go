package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func runApp(args ...string) (string, error) { return runAppIn(context.Background(), args...) }

func runAppIn(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	app := newApp()
	app.Writer, app.ErrWriter = &out, &out
	err := app.RunContext(ctx, append([]string{"decahose-sim"}, args...))
	return out.String(), err
}

func TestBadOptionsAreUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "0.0.0.0:0"}, {"--listen", "nonsense"}, {"--nope"}, {"extra"},
		{"--fault", "bad@1s"}, {"--fault", "reset@1s,partition=x"}, {"--backfill", "maybe"},
		{"--rate", "-1"}, {"--daily", "1.5"}, {"--weekly", "-0.1"}, {"--allowed-connections", "0"}, {"--queue", "0"}, {"--play", "/nonexistent"},
		{"--replay-delay", "-1s"}, {"--replay-horizon", "-1s"}, {"--replay-speed", "-2"}, {"--recovery-rate", "-1"}, {"--replay-status", "200"},
		{"--recovery-partition", "maybe"}, {"--recovery-parameters", "start"}, {"--deleted", "1.5"}, {"--fault", "replay-nothing"},
	} {
		_, err := runApp(args...)
		var usage usageError
		require.True(t, errors.As(err, &usage), "%v: %v", args, err)
	}
}

func TestRunPrintsHowToConnectAndEnds(t *testing.T) {
	out, err := runApp("--listen", "127.0.0.1:0", "--duration", "1ms", "--status", "0",
		"--fault", "cut-record@30s,partition=1,connection=every", "--random-faults", "4")
	require.NoError(t, err)
	require.Regexp(t, `\[\[inputs.decahose\]\](?s:.*)  stream_url = "(http://127\.0\.0\.1:\d+)"\n  replay_url = "http://127\.0\.0\.1:\d+"\n  recovery_url = "http://127`, out,
		"pasted, it asks nobody but the simulator")
	require.Contains(t, out, "planned cut-record@30s,partition=1,connection=every\n")
	require.Contains(t, out, "never fired cut-record@30s,partition=1,connection=every\n")
	require.Contains(t, out, "offered 0 sent 0 unsent 0")
}

// TestReplayOfTheHourBefore: what a user does first.
func TestReplayOfTheHourBefore(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var out string
	wg.Go(func() {
		out, err = runAppIn(ctx, "--listen", address, "--rate", "1", "--replay-delay", "0s", "--replay-speed", "0", "--status", "0",
			"--fault", "replay-count@0s,share=0.5")
	})
	end := time.Now().UTC().Truncate(time.Minute)
	var body []byte
	require.Eventually(t, func() bool {
		q, _ := http.NewRequest("GET", fmt.Sprintf("http://%s/replay/sample10/accounts/demo/publishers/twitter/prod.json?fromDate=%s&toDate=%s",
			address, end.Add(-time.Hour).Format("200601021504"), end.Format("200601021504")), nil)
		q.SetBasicAuth("demo", "demo")
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
		return err == nil
	}, 20*time.Second, 50*time.Millisecond)
	require.Regexp(t, `"Replay Request Completed","sent":"[^"]+","activity_count":3[4-7]\d\d\}\}\r\n$`, string(body[len(body)-120:]))
	cancel()
	wg.Wait()
	require.NoError(t, err)
	require.Regexp(t, `replay from .* partition 0: 200, sent 1[678]\d\d, completed`, out)
	require.Contains(t, out, "fired 1x replay-count@0s")
}

func TestPasswordIsNeverPrinted(t *testing.T) {
	t.Setenv("DECAHOSE_SIM_PASSWORD", "hush-hush")
	out, err := runApp("--listen", "127.0.0.1:0", "--duration", "1ms")
	require.NoError(t, err)
	require.NotContains(t, out, "hush-hush")
}
