//go:build unix

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/decasim"
	"github.com/decahose/telegraf-decahose/internal/rig"
	"github.com/decahose/telegraf-decahose/internal/snowflake"
)

// archived are the Tweets of an archive, each once, as Telegraf's own parser reads them; all of it must be sound.
func (s *stage) archived(dir string) (all []rig.Metric) {
	s.Helper()
	a, err := archive.Open(context.Background(), dir, archive.Options{})
	require.NoError(s, err)
	segments, err := a.Segments(context.Background(), "", 0, 0)
	require.NoError(s, err)
	var lines bytes.Buffer
	for i, segment := range segments {
		require.Equal(s, "prod", segment.Label)
		if i > 0 && segments[i-1].Minute == segment.Minute {
			continue
		}
		require.NoError(s, a.Read(context.Background(), "prod", segment.Minute, func(_ snowflake.ID, line []byte) error {
			lines.Write(line)
			return nil
		}))
	}
	require.NoError(s, a.Close())
	require.NoError(s, rig.Each(&lines, func(m rig.Metric) { all = append(all, m) }))
	return all
}

// archiveOutput is the plugin's table; more are further options.
func archiveOutput(dir, more string) string {
	return fmt.Sprintf("[[outputs.decahose_archive]]\n  url = \"file://%s\"\n  segment_interval = \"2s\"\n%s", dir, more)
}

// A stock Telegraf writes the stream to a file and to the archive, which runs under outputs.execd: both hold the same Tweets,
// with the same tags, fields and nanoseconds, newlines in texts included.
func TestArchiveUnderExecd(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 51, AllowedConnections: 8})
	dir := filepath.Join(s.dir, "archive")
	conf := filepath.Join(s.dir, "archive.conf")
	require.NoError(t, os.WriteFile(conf, []byte(archiveOutput(dir, "")), 0o600))
	a := s.runWith("a", agentConf+fmt.Sprintf(`[[outputs.execd]]
  command = ["PLUGIN", "-config", %q]
  restart_delay = "1s"
  data_format = "influx"
  namepass = ["decahose_tweet", "decahose_stream"]
  tagexclude = ["host"]
`, conf), s.stream())
	s.pass(10 * pace)
	s.settle(a)
	a.stop()
	landed := map[int64]rig.Metric{}
	for _, m := range a.landed() {
		delete(m.Tags, "host")
		landed[m.ID()] = m
	}
	stored := s.archived(dir)
	require.Len(t, stored, len(landed))
	newlines := 0
	for _, m := range stored {
		require.Equal(t, landed[m.ID()], m)
		s.requireTrue(m)
		newlines += bytes.Count([]byte(m.Fields["text"].(string)), []byte("\n"))
	}
	require.Positive(t, newlines, "no text had a newline")
	require.Positive(t, a.Log.Count("metrics were not stored, the last because it is not named decahose_tweet"))
	require.Zero(t, a.Log.Count("could not be read"))
}

// Telegraf, with input and output compiled in, is killed in mid-stream, twice: Tweets are acknowledged when the archive has
// them, and therefore none is lost.
func TestArchiveCompiledIn(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 52, AllowedConnections: 8})
	dir := filepath.Join(s.dir, "archive")
	conf := deliveryConf + archiveOutput(dir, "  namepass = [\"decahose_tweet\"]\n")
	var a *agent
	for range 2 {
		a = s.runCustom("a", conf, s.stream(`max_undelivered = 2000`))
		s.pass(len(s.sim.OfferedIDs()) + 5*pace)
		a.Kill()
	}
	a = s.runCustom("a", conf, s.stream(`max_undelivered = 2000`))
	s.pass(len(s.sim.OfferedIDs()) + 3*pace)
	s.sim.StopOffering()
	ok := rig.Until(s.within(45*time.Second), func() bool {
		ids := map[int64]bool{}
		for _, m := range s.archived(dir) {
			ids[m.ID()] = true
		}
		for _, id := range s.sim.OfferedIDs() {
			if !ids[int64(id)] {
				return false
			}
		}
		return true
	})
	require.True(t, ok, "Tweets are missing in the archive")
	a.stop()
	stored := s.archived(dir)
	s.requireNoneLost(stored)
	seen := map[int64]bool{}
	for _, m := range stored {
		require.False(t, seen[m.ID()], "%d comes twice", m.ID())
		seen[m.ID()] = true
		s.requireTrue(m)
	}
}
