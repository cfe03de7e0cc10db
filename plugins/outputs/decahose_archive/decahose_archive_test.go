package decahose_archive

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/models"
	"github.com/influxdata/telegraf/selfstat"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/option"
	"github.com/decahose/telegraf-decahose/plugins/option/optiontest"
)

var noon = timeline.MinuteOf(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).UnixMilli())

// started is an output with this configuration, as Telegraf makes and starts it.
func started(t *testing.T, lines ...string) *Archive {
	a := loaded(t, lines...)
	require.NoError(t, a.Init())
	require.NoError(t, a.Connect())
	return a
}

func loaded(t *testing.T, lines ...string) *Archive {
	c := config.NewConfig()
	require.NoError(t, c.LoadConfigData([]byte("[[outputs.decahose_archive]]\n"+strings.Join(lines, "\n")+"\n"), "test"))
	a := c.Outputs[0].Output.(*Archive)
	heard[a] = &said{}
	models.SetLoggerOnPlugin(a, heard[a])
	return a
}

// heard are the logs of what loaded made; Init puts a guard before them.
var heard = map[*Archive]*said{}

func saidBy(a *Archive) *said { return heard[a] }

// said keeps what was logged.
type said struct {
	telegraf.Logger
	lines []string
}

func (s *said) Error(a ...any) { s.lines = append(s.lines, "E! "+fmt.Sprint(a...)) }
func (s *said) Warn(a ...any)  { s.lines = append(s.lines, "W! "+fmt.Sprint(a...)) }

// tweetMetric is the n-th Tweet of noon, as a Telegraf metric.
func tweetMetric(n int, text string) (telegraf.Metric, snowflake.ID) {
	id := snowflake.First(noon.Milli()+int64(n)) | 5
	ns, _ := id.Nano()
	m := metric.New("decahose_tweet", nil, nil, time.Unix(0, ns))
	m.AddTag("stream_label", "prod")
	m.AddTag("kind", "original")
	m.AddField("id", int64(id))
	m.AddField("text", text)
	m.AddField("latitude", 1.25)
	m.AddField("possibly_sensitive", false)
	return m, id
}

func stored(t *testing.T, url string, o archive.Options) map[snowflake.ID]string {
	a, err := archive.Open(url, o)
	require.NoError(t, err)
	got := map[snowflake.ID]string{}
	require.NoError(t, a.Read(context.Background(), "prod", noon, func(id snowflake.ID, line []byte) error {
		got[id] = string(line)
		return nil
	}))
	require.NoError(t, a.Close())
	return got
}

// TestWrite: what Write took is there after a crash, with its tags, fields and nanoseconds; what is no Tweet is counted.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	a := started(t, fmt.Sprintf("url = %q", dir))
	tweet, id := tweetMetric(1, "two\nlines, \"quoted\" \\ done")
	rounded, other := tweetMetric(2, "rounded")
	rounded.SetTime(rounded.Time().Truncate(time.Second))
	volume := metric.New("decahose_volume", map[string]string{"stream_label": "prod"}, map[string]any{"unique": int64(1)}, time.Unix(0, 0))
	nan := metric.New("decahose_tweet", nil, nil, time.Unix(0, 0))
	require.NoError(t, a.Write([]telegraf.Metric{tweet, volume, rounded, nan, volume}))
	require.NoError(t, a.Write([]telegraf.Metric{tweet}))
	require.Len(t, saidBy(a).lines, 3)
	require.Contains(t, saidBy(a).lines[0], "1 metrics were not stored, the last because it is not named decahose_tweet")
	require.EqualValues(t, 2, a.stats.refused.Load())
	require.EqualValues(t, 1, a.stats.malformed.Load())
	require.EqualValues(t, 1, a.stats.restored.Load())
	a.cancel() // it is killed
	a.wg.Wait()
	require.NoError(t, a.writer.Close())
	require.Empty(t, stored(t, dir, archive.Options{}))
	a = started(t, fmt.Sprintf("url = %q", dir))
	require.NoError(t, a.Close())
	require.NoError(t, a.Close())
	got := stored(t, dir, archive.Options{})
	require.Len(t, got, 2)
	ns, _ := id.Nano()
	require.Equal(t, fmt.Sprintf("decahose_tweet,kind=original,stream_label=prod id=%di,text=\"two\nlines, \\\"quoted\\\" \\\\ done\",latitude=1.25,possibly_sensitive=false %d\n", id, ns), got[id])
	require.Contains(t, got[other], "rounded")
	require.ErrorIs(t, a.Write([]telegraf.Metric{tweet}), errClosed)
}

// Tweets that lack what is written last, where others have it, are told of and counted, and kept.
func TestPartsAreTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	a := started(t, fmt.Sprintf("url = %q", dir))
	write := func(n int, whole bool) {
		m, _ := tweetMetric(n, "text")
		if whole {
			m.AddField("received_at", int64(7))
		}
		require.NoError(t, a.Write([]telegraf.Metric{m}))
	}
	write(1, false)
	require.Empty(t, saidBy(a).lines, "perhaps none has it")
	write(2, true)
	write(3, false)
	require.Len(t, saidBy(a).lines, 1)
	require.Contains(t, saidBy(a).lines[0], "W! 1 Tweets came without received_at")
	require.Contains(t, saidBy(a).lines[0], "influx_max_line_bytes")
	require.EqualValues(t, 1, a.stats.parts.Load())
	require.NoError(t, a.Close())
	require.Len(t, stored(t, dir, archive.Options{}), 3)
}

func TestPass(t *testing.T) {
	a := loaded(t, fmt.Sprintf("url = %q", t.TempDir()), `non_tweets = "pass"`)
	a.Statistics = selfstat.NewCollector(map[string]string{"test": t.Name()})
	require.NoError(t, a.Init())
	require.NoError(t, a.Connect())
	other := metric.New("cpu", nil, map[string]any{"usage": 1.0}, time.Unix(0, 0))
	tweet, _ := tweetMetric(1, "x")
	require.NoError(t, a.Write([]telegraf.Metric{other, tweet, tweet}))
	require.Empty(t, saidBy(a).lines)
	require.EqualValues(t, 1, a.stats.passed.Load())
	require.NoError(t, a.Close())
	a.stats.show(a.writer.Stats())
	seen := map[string]int64{}
	for _, m := range selfstat.Metrics() {
		if of, _ := m.GetTag("test"); m.Name() == "internal_decahose_archive" && of == t.Name() {
			for _, f := range m.FieldList() {
				seen[f.Key] = f.Value.(int64)
			}
		}
	}
	require.Equal(t, map[string]int64{"tweets": 1, "duplicates": 1, "segments": 1, "segment_bytes": seen["segment_bytes"], "uploads": 0, "spool_bytes": 0,
		"refused": 0, "passed": 1, "malformed": 0, "times_restored": 0, "in_part": 0, "upload_errors": 0, "segments_removed": 0}, seen)
	require.Positive(t, seen["segment_bytes"])
	a.Statistics.UnregisterAll()
}

// TestBucketDownAndBack: Write goes on while the bucket refuses; when it is back, everything is there.
func TestBucketDownAndBack(t *testing.T) {
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("tweets"))
	fake := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	var down atomic.Bool
	down.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	url := "s3://tweets/a?region=eu&endpoint=" + server.URL
	conf := []string{fmt.Sprintf("url = %q", url), `access_key = "AKID"`, `secret_key = "SECRET"`, fmt.Sprintf("spool_directory = %q", t.TempDir())}
	a := started(t, conf...)
	tweet, _ := tweetMetric(1, "x")
	require.NoError(t, a.Write([]telegraf.Metric{tweet}))
	require.NoError(t, a.Close())
	lines := strings.Join(saidBy(a).lines, "\n")
	require.Contains(t, lines, "wait in the spool for the next start")
	require.NotContains(t, lines, "SECRET")
	down.Store(false)
	a = started(t, conf...)
	require.NoError(t, a.Close())
	keys, err := a.Credentials()
	require.NoError(t, err)
	require.Len(t, stored(t, url, keys), 1)
}

func TestOptions(t *testing.T) {
	for line, want := range map[string]string{
		`url = ""`: "url", `url = "ftp://x"`: "url", `segment_interval = "0s"`: "segment_interval", `segment_interval = "2h"`: "segment_interval",
		`retention_age = "-1s"`: "retention_age", `non_tweets = "x"`: "non_tweets", `compression_level = 0`: "compression_level",
		`compression_level = 20`: "compression_level", `access_key = "x"`: "secret_key", `session_token = "x"`: "session_token", `spool_limit = 5`: "spool_limit",
	} {
		lines := []string{line}
		if want != "url" {
			lines = append(lines, `url = "s3://b"`)
		}
		var wrong *option.Error
		require.ErrorAs(t, loaded(t, lines...).Init(), &wrong, line)
		require.Equal(t, want, wrong.Option)
	}
}

func TestSpoolDirectory(t *testing.T) {
	at := func(lines ...string) string {
		a := loaded(t, lines...)
		require.NoError(t, a.Init())
		return a.SpoolDirectory
	}
	require.Equal(t, filepath.FromSlash("/x/.spool"), at(`url = "file:///x"`))
	require.Equal(t, "/y", at(`url = "file:///x"`, `spool_directory = "/y"`))
	t.Setenv("STATE_DIRECTORY", "/s:/t")
	require.Equal(t, filepath.FromSlash("/s/archive-spool"), at(`url = "s3://b"`))
	t.Setenv("STATE_DIRECTORY", "")
	require.Equal(t, filepath.FromSlash("/var/lib/telegraf-decahose/archive-spool"), at(`url = "s3://b"`))
}

// TestSampleIsDefault: what the sample comments out are the defaults, and the README shows the same file.
func TestSampleIsDefault(t *testing.T) {
	var active []string
	for line := range strings.Lines(sampleConfig) {
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "# ") && strings.Contains(text, " = ") && !strings.Contains(text, "@{") && !strings.Contains(text, "url") && !strings.HasSuffix(text, `""`) {
			active = append(active, strings.TrimPrefix(text, "# "))
		}
	}
	require.Len(t, active, 6)
	want := loaded(t, `url = "x"`)
	got := loaded(t, append(active, `url = "x"`)...)
	want.Log, got.Log = nil, nil
	require.Equal(t, fmt.Sprintf("%+v", want.SpoolLimit), fmt.Sprintf("%+v", got.SpoolLimit))
	require.Equal(t, []any{want.SegmentInterval, want.RetentionAge, want.RetentionSize, want.NonTweets, want.CompressionLevel},
		[]any{got.SegmentInterval, got.RetentionAge, got.RetentionSize, got.NonTweets, got.CompressionLevel})
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```toml @sample.conf\n"+sampleConfig+"```")
}

func TestEveryNumberHasLimits(t *testing.T) {
	fresh := func() optiontest.Plugin { return loaded(t, fmt.Sprintf("url = %q", t.TempDir())) }
	require.Equal(t, 5, optiontest.Limits(t, fresh))
}
