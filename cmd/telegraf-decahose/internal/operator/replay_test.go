//go:build linux

package operator

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/recording"
)

// recordedStart is the recording of a process that tried to connect once.
func recordedStart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "recordings")
	r, err := recording.New(recording.Config{Directory: dir, Limit: recording.MinLimit, Program: "1.0\x1b[31m", Say: func(_ byte, text string) { t.Error(text) }})
	require.NoError(t, err)
	cfg := core.Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, DedupWindow: time.Hour}
	r.Begins(cfg)
	c, at, out := core.New(cfg), time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), core.Ready{}
	for _, ev := range []core.Event{{Kind: core.Tick}, {Kind: core.Ended, End: core.End{Class: "http_503", Status: 503, Message: "secret words"}}} {
		ev.Wall = at.UnixNano()
		c.Step(at, ev, &out)
		r.Stepped(at, ev, &out)
		at = at.Add(time.Second)
	}
	r.Close()
	r.Run()
	require.NoError(t, r.Release())
	paths, err := filepath.Glob(filepath.Join(dir, "*"+recording.Suffix))
	require.NoError(t, err)
	require.Len(t, paths, 1)
	return paths[0]
}

// replay needs a file and nothing else: no configuration is read.
func TestReplay(t *testing.T) {
	d := newRig(t, "a")
	path := recordedStart(t)
	d.runs(process.ExitStopped, "replay", path)
	require.NotContains(t, d.stdout.String(), "\x1b")
	for _, want := range []string{"# file 1 of a process of version 1.0", "2026-01-01T12:00:00.000Z time passed: connect p1.c0 without backfill\n",
		"2026-01-01T12:00:01.000Z p1.c0 ended (http_503, X says: something else)", "# 2 events; each was decided as it was then.\n"} {
		require.Contains(t, d.stdout.String(), want)
	}
	for _, args := range [][]string{{"replay", "-script", path}, {"replay", path, "-script"}} {
		d.runs(process.ExitStopped, args...)
		require.Contains(t, d.stdout.String(), "start partitions=(1) connections=1")
		require.Contains(t, d.stdout.String(), "ended p1.c0 class=http_503 status=503 message=something_else\n")
	}
}

func TestReplayOfNothing(t *testing.T) {
	d := newRig(t, "a")
	path := recordedStart(t)
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	none, cut, damaged := filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "cut"), filepath.Join(t.TempDir(), "damaged")
	require.NoError(t, os.WriteFile(none, []byte("decahose recording 2\n"), 0o600))
	require.NoError(t, os.WriteFile(cut, body[:len(body)-1], 0o600))
	body[len(body)-1]++
	require.NoError(t, os.WriteFile(damaged, body, 0o600))
	d.runs(process.ExitUsage, "replay")
	d.runs(process.ExitUsage, "replay", path, none)
	d.runs(process.ExitFailure, "replay", filepath.Join(t.TempDir(), "x"))
	d.runs(process.ExitFailure, "replay", none)
	require.Contains(t, d.stderr.String(), "it is no recording of this version")
	d.runs(process.ExitFailure, "replay", damaged)
	require.Contains(t, d.stderr.String(), "behind 1 events: the recording is damaged: a frame's checksum is wrong")
	require.Contains(t, d.stdout.String(), "connect p1.c0")
	d.runs(process.ExitStopped, "replay", cut)
	require.Contains(t, d.stdout.String(), "The file ends within an event")
}
