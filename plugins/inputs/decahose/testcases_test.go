package decahose

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/models"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
	serializer "github.com/influxdata/telegraf/plugins/serializers/influx"
	"github.com/stretchr/testify/require"
)

// updateEnv set: the golden files are written from what is emitted. Read the difference before it is kept.
const updateEnv = "DECAHOSE_UPDATE_TESTCASES"

// collector is the agent's side of the accumulator.
type collector struct {
	mu      sync.Mutex
	metrics []telegraf.Metric
	refuse  bool // reject instead of accept
}

func (c *collector) run(in <-chan telegraf.Metric) {
	for m := range in {
		c.mu.Lock()
		c.metrics = append(c.metrics, m)
		refuse := c.refuse
		c.mu.Unlock()
		if refuse {
			m.Reject()
			continue
		}
		m.Accept()
	}
}

func (c *collector) all() []telegraf.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.metrics)
}

// field is the last value of a counter.
func (c *collector) field(name, key string) any {
	for _, m := range slices.Backward(c.all()) {
		if v, ok := m.GetField(key); ok && m.Name() == name {
			return v
		}
	}
	return nil
}

// serve gives every connection the records, then heartbeats.
func serve(t *testing.T, records []byte) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for line := range bytes.Lines(records) {
			fmt.Fprintf(z, "%s\r\n", bytes.TrimSuffix(line, []byte("\n")))
		}
		beat := time.NewTicker(50 * time.Millisecond)
		defer beat.Stop()
		for r.Context().Err() == nil && z.Flush() == nil {
			w.(http.Flusher).Flush()
			<-beat.C
			fmt.Fprint(z, "\r\n")
		}
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// load takes the configuration the way Telegraf does.
func load(t *testing.T, conf []byte) *models.RunningInput {
	t.Helper()
	c := config.NewConfig()
	c.Agent.OmitHostname = true
	require.NoError(t, c.LoadConfigData(conf, "test"))
	require.NoError(t, c.LinkSecrets())
	require.Len(t, c.Inputs, 1)
	c.Inputs[0].Input.(*Decahose).StateDirectory = t.TempDir()
	require.NoError(t, c.Inputs[0].Init())
	return c.Inputs[0]
}

// play runs an input until a connection has seen n records, and returns what came out.
func play(t *testing.T, ri *models.RunningInput, c *collector, n int) []telegraf.Metric {
	t.Helper()
	in := make(chan telegraf.Metric, 100)
	var wg sync.WaitGroup
	wg.Go(func() { c.run(in) })
	acc := agent.NewAccumulator(ri, in)
	require.NoError(t, ri.Start(acc))
	require.Eventually(t, func() bool {
		require.NoError(t, ri.Gather(acc))
		seen, _ := c.field("decahose_connection", "records").(int64)
		return seen >= int64(n)
	}, 20*time.Second, 20*time.Millisecond)
	ri.Stop()
	close(in)
	wg.Wait()
	return c.all()
}

func TestCases(t *testing.T) {
	dirs, err := filepath.Glob("testcases/*")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			records, err := os.ReadFile(filepath.Join(dir, "records.jsonl"))
			require.NoError(t, err)
			conf, err := os.ReadFile(filepath.Join(dir, "telegraf.conf"))
			require.NoError(t, err)
			t.Setenv("STREAM_URL", serve(t, records).URL)
			got := play(t, load(t, conf), &collector{}, bytes.Count(records, []byte("\n")))
			golden := filepath.Join(dir, "expected.out")
			if os.Getenv(updateEnv) != "" {
				write(t, golden, got)
			}
			compare(t, read(t, golden), got)
		})
	}
}

// read parses a golden file with Telegraf's own parser, whole, because text may hold newlines.
func read(t *testing.T, path string) []telegraf.Metric {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	p := &influx.Parser{}
	require.NoError(t, p.Init())
	metrics, err := p.Parse(b)
	require.NoError(t, err)
	return metrics
}

// write keeps all Tweets or, where there is none, the last of each counter metric.
func write(t *testing.T, path string, metrics []telegraf.Metric) {
	t.Helper()
	last := map[string]telegraf.Metric{}
	for _, m := range metrics {
		last[cmp.Or(tweetKey(m), shape(m))] = m
	}
	s := &serializer.Serializer{}
	require.NoError(t, s.Init())
	var lines []string
	tweets := views(metrics, tweetKey) != ""
	for _, m := range last {
		if tweets && tweetKey(m) == "" {
			continue
		}
		b, err := s.Serialize(m)
		require.NoError(t, err)
		lines = append(lines, string(b))
	}
	slices.Sort(lines)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644))
}

func tweetKey(m telegraf.Metric) string {
	if m.Name() != "decahose_tweet" {
		return ""
	}
	return content(m)
}

// compare wants the same Tweets, but for the time of receipt, and counters of the same shape
// where the golden file has some.
func compare(t *testing.T, want, got []telegraf.Metric) {
	t.Helper()
	require.Equal(t, views(want, tweetKey), views(got, tweetKey))
	if counters := views(want, shape); counters != "" {
		require.Equal(t, counters, views(got, shape))
	}
}

func views(metrics []telegraf.Metric, view func(telegraf.Metric) string) string {
	var all []string
	for _, m := range metrics {
		if v := view(m); v != "" {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

// content is all of a Tweet but received_at.
func content(m telegraf.Metric) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", m.Name(), m.Time().UnixNano())
	for _, tag := range m.TagList() {
		fmt.Fprintf(&b, " %s=%q", tag.Key, tag.Value)
	}
	var fields []string
	for _, f := range m.FieldList() {
		if f.Key != "received_at" {
			fields = append(fields, fmt.Sprintf(" %s=%T(%#v)", f.Key, f.Value, f.Value))
		}
	}
	slices.Sort(fields)
	return b.String() + strings.Join(fields, "")
}

// shape is a metric's name, tags and the names and types of its fields. Values of counters depend
// on time; Tweets have none of it.
func shape(m telegraf.Metric) string {
	if m.Name() == "decahose_tweet" {
		return ""
	}
	var fields []string
	for _, f := range m.FieldList() {
		fields = append(fields, fmt.Sprintf(" %s:%T", f.Key, f.Value))
	}
	slices.Sort(fields)
	return fmt.Sprintf("%s %v%s", m.Name(), m.Tags(), strings.Join(fields, ""))
}
