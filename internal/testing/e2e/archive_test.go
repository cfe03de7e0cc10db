//go:build unix

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// archived are the Tweets of an archive, each once, as Telegraf's own parser reads them; all of it must be sound.
func (s *stage) archived(url string) (all []env.Metric) {
	s.Helper()
	a, err := archive.Open(url, archive.Options{Keys: bucketKeys}) // for a bucket
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
	require.NoError(s, env.Each(&lines, func(m env.Metric) { all = append(all, m) }))
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
	landed := map[int64]env.Metric{}
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
	ok := env.Until(s.within(45*time.Second), func() bool { return held(s.archived(dir), s.sim.OfferedIDs()) })
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

// Credentials of the bucket. The second must not be seen anywhere.
func bucketKeys() (archive.Keys, error) {
	return archive.Keys{Access: bucketKey, Secret: bucketSecret}, nil
}

const bucketKey, bucketSecret = "an-AccessKey", "a-SecretK3y-of-the-test"

// bucket is a server that speaks S3 and is down at first.
type bucket struct {
	url string
	up  atomic.Bool
}

func newBucket(t *testing.T) *bucket {
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("tweets"))
	b, s3 := &bucket{}, gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !b.up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s3.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.url = "s3://tweets/site-b?region=eu&endpoint=" + url.QueryEscape(server.URL)
	return b
}

// options of a table that names the bucket.
func (b *bucket) options() string {
	return fmt.Sprintf("url = %q\naccess_key = %q\nsecret_key = %q\n", b.url, bucketKey, bucketSecret)
}

// Site B stores the stream in a bucket that is down for a while, and site A, which was down for minutes, is filled from it.
// X is not asked.
func TestArchiveInABucket(t *testing.T) {
	const rate = 20
	s := newStage(t, decasim.ServerConfig{Seed: 53, AllowedConnections: 8, Source: world.New(world.Config{Seed: 53, Rate: rate})})
	place := newBucket(t)
	conf := filepath.Join(s.dir, "archive.conf")
	require.NoError(t, os.WriteFile(conf, []byte("[[outputs.decahose_archive]]\nsegment_interval = \"2s\"\n"+place.options()), 0o600))
	s.leavePast("b", 4*time.Minute) // what backfill brings is the past that A lacks
	b := s.runWith("b", agentConf+fmt.Sprintf(`[[outputs.execd]]
  command = ["PLUGIN", "-config", %q]
  environment = ["STATE_DIRECTORY=%s"]
  restart_delay = "1s"
  data_format = "influx"
  namepass = ["decahose_tweet"]
  tagexclude = ["host"]
`, conf, s.state("output")), s.stream())
	require.NoError(t, b.Log.Wait(s.within(30*time.Second), "bytes wait for the bucket"))
	place.up.Store(true)
	at := time.Now().Add(-3 * time.Minute)
	var wanted []snowflake.ID // of whole minutes; they are read when this one is over, and the gap no longer grows
	for tw := range world.Tweets(s.src, at, time.Now().Truncate(time.Minute)) {
		wanted = append(wanted, tw.ID)
	}
	require.True(t, env.Until(s.within(60*time.Second), func() bool { return held(s.archived(place.url), wanted) }), "the bucket has not all")
	require.NoError(t, env.LeavePast(filepath.Join(s.state("a"), "demo_sample10_prod"), at))
	a := s.run("a", s.stream(`backfill = "none"`, fmt.Sprintf("replay_url = %q", s.url), "[[inputs.decahose.archive]]", place.options(), `delay = "0s"`, `trust = true`))
	require.True(t, env.Until(s.within(100*time.Second), func() bool { return a.hasAll(wanted) }), "site A is not filled")
	a.stop()
	b.stop()
	for _, m := range a.landed() {
		s.requireTrue(m)
	}
	require.Empty(t, s.sim.Requests())
	require.Positive(t, a.Log.Count("archive s3://tweets/site-b", "read:"))
	for _, one := range []*agent{a, b} {
		require.Zero(t, one.Log.Count(bucketSecret))
	}
}

// held reports whether all the ids are among the Tweets.
func held(tweets []env.Metric, ids []snowflake.ID) bool {
	there := map[int64]bool{}
	for _, m := range tweets {
		there[m.ID()] = true
	}
	return !slices.ContainsFunc(ids, func(id snowflake.ID) bool { return !there[int64(id)] })
}
