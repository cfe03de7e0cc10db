//go:build unix

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// The options of Telegraf that a delivery has to live with.
const deliveryConf = `[agent]
  interval = "1s"
  flush_interval = "300ms"
  metric_batch_size = 200
  metric_buffer_limit = 20000
  skip_processors_after_aggregators = true
  omit_hostname = true
[[outputs.file]]
  files = ["COUNTERS"]
  namedrop = ["decahose_tweet"]
  data_format = "influx"
`

const fileOutput = `[[outputs.file]]
  files = ["TWEETS"]
  namepass = ["decahose_tweet"]
  data_format = "influx"
`

// pushToken is what the plugin shows to Telegraf's input; it must not be seen anywhere else.
const pushToken = "a-Tok3n-of-the-test"

// execdConf runs the plugin.
const execdConf = `[[inputs.execd]]
  command = ["PLUGIN", "-config", "CONF", "-poll_interval", "1s"]
  restart_delay = "1s"
  data_format = "influx"
`

// acknowledgedConf is a stock Telegraf that takes Tweets by HTTP at that address.
func acknowledgedConf(address, output string) string {
	return deliveryConf + output + execdConf + fmt.Sprintf(`[[inputs.cloud_pubsub_push]]
  service_address = %q
  path = "/decahose"
  token = %q
  read_timeout = "10s"
  write_timeout = "10s"
  max_undelivered_messages = 64
  data_format = "influx"
`, address, pushToken)
}

// acknowledged are the plugin's options for it.
func acknowledged(address string) []string {
	return []string{`delivery = "acknowledged"`, `[inputs.decahose.push]`, fmt.Sprintf(`url = "http://%s/decahose"`, address),
		fmt.Sprintf("token = %q", pushToken), `timeout = "12s"`, `batch = 100`}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := env.FreeAddress()
	require.NoError(t, err)
	return address
}

// customTelegraf has the plugin compiled in.
var customTelegraf = sync.OnceValues(func() (string, error) { return env.Custom(context.Background(), os.Stderr) })

// runCustom starts an agent with the plugin compiled in.
func (s *stage) runCustom(name, conf, plugin string) *agent {
	s.Helper()
	telegraf, err := customTelegraf()
	require.NoError(s, err)
	file := func(what string) string { return filepath.Join(s.dir, name+"."+what) }
	a := &agent{s: s, tweets: file("tweets"), counters: file("counters")}
	conf = strings.NewReplacer("TWEETS", a.tweets, "COUNTERS", a.counters).Replace(conf) + plugin
	require.NoError(s, os.WriteFile(file("telegraf.conf"), []byte(conf), 0o600))
	a.Process, err = env.Start([]string{telegraf, "--config", file("telegraf.conf")}, append(login("demo"), "STATE_DIRECTORY="+s.state(name)), nil)
	require.NoError(s, err)
	s.Cleanup(a.end)
	return a
}

// drained waits until the plugin says that nothing waits to be delivered.
func (a *agent) drained() {
	a.s.Helper()
	ok := env.Until(a.s.within(30*time.Second), func() bool {
		all := a.all("decahose_stream")
		if len(all) == 0 {
			return false
		}
		undelivered, known := all[len(all)-1].Fields["undelivered"].(int64)
		return known && undelivered == 0
	})
	require.True(a.s, ok, "Tweets stay undelivered")
}

// delivered is the sum over the minutes, as the last reports have it.
func (a *agent) delivered() (n int64) {
	last := map[time.Time]int64{}
	for _, m := range a.all("decahose_volume", "partition", "all") {
		last[m.Time] = m.Int("delivered")
	}
	for _, d := range last {
		n += d
	}
	return n
}

// sink is a store behind HTTP, whose answer can be changed. It keeps what it takes in a file.
type sink struct {
	address string
	answer  atomic.Int64 // HTTP status
	asked   atomic.Int64
	file    *os.File
	mu      sync.Mutex // of file
}

func (s *stage) newSink(file string) *sink {
	s.Helper()
	k := &sink{}
	k.answer.Store(http.StatusNoContent)
	var err error
	k.file, err = os.Create(filepath.Join(s.dir, file))
	require.NoError(s, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s, err)
	k.address = l.Addr().String()
	h := &http.Server{Handler: k, ReadHeaderTimeout: 10 * time.Second}
	var wg sync.WaitGroup
	wg.Go(func() { _ = h.Serve(l) }) // ends with Close
	s.Cleanup(func() {
		h.Close()
		wg.Wait()
		k.file.Close()
	})
	return k
}

func (k *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	k.asked.Add(1)
	status := int(k.answer.Load())
	if err == nil && status == http.StatusNoContent {
		k.mu.Lock()
		defer k.mu.Unlock()
		if _, err := k.file.Write(body); err != nil {
			status = http.StatusInternalServerError
		}
	}
	w.WriteHeader(status)
}

// output has Telegraf write Tweets to the sink, by the output that tells a refusal from a failure.
func (k *sink) output() string {
	return fmt.Sprintf(`[[outputs.influxdb_v2]]
  urls = ["http://%s"]
  token = "t"
  organization = "o"
  bucket = "b"
  content_encoding = "identity"
  namepass = ["decahose_tweet"]
`, k.address)
}

// outputV1 is the same with the output for InfluxDB 1.
func (k *sink) outputV1() string {
	return fmt.Sprintf("[[outputs.influxdb]]\n  urls = [\"http://%s\"]\n  skip_database_creation = true\n  namepass = [\"decahose_tweet\"]\n", k.address)
}
