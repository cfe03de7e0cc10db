package main

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func runApp(args ...string) (string, error) {
	var out bytes.Buffer
	app := newApp()
	app.Writer, app.ErrWriter = &out, &out
	err := app.RunContext(context.Background(), append([]string{"decahose-sim"}, args...))
	return out.String(), err
}

func TestBadOptionsAreUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "0.0.0.0:0"}, {"--listen", "nonsense"}, {"--nope"}, {"extra"},
		{"--fault", "bad@1s"}, {"--fault", "reset@1s,partition=x"}, {"--backfill", "maybe"},
		{"--rate", "-1"}, {"--allowed-connections", "0"}, {"--queue", "0"}, {"--play", "/nonexistent"},
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
	require.Contains(t, out, "[[inputs.decahose]]")
	require.Contains(t, out, "planned cut-record@30s,partition=1,connection=every\n")
	require.Contains(t, out, "never fired cut-record@30s,partition=1,connection=every\n")
	require.Contains(t, out, "offered 0 sent 0 unsent 0")
}

func TestPasswordIsNeverPrinted(t *testing.T) {
	t.Setenv("DECAHOSE_SIM_PASSWORD", "hush-hush")
	out, err := runApp("--listen", "127.0.0.1:0", "--duration", "1ms")
	require.NoError(t, err)
	require.NotContains(t, out, "hush-hush")
}
