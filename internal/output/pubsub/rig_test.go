package pubsub

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/models"
	"github.com/influxdata/telegraf/plugins/inputs"
	"github.com/influxdata/telegraf/plugins/inputs/cloud_pubsub_push"
	"github.com/influxdata/telegraf/plugins/parsers/influx"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

const (
	token    = "s3cret t&ken" // has what a query must escape
	patience = 30 * time.Second
)

// TestMain sets a proxy that nobody runs: what goes to loopback must not notice.
func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	os.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	os.Exit(m.Run())
}

// listener is Telegraf's own cloud_pubsub_push, with outputs that do with a metric what the test says.
type listener struct {
	plugin  *cloud_pubsub_push.PubSubPush
	address string
}

func (l *listener) url() string { return "http://" + l.address + "/decahose" }

// listen starts one; change may alter its options first. Each metric goes to output, in order.
func listen(t testing.TB, output func(telegraf.Metric), change func(*cloud_pubsub_push.PubSubPush)) *listener {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &listener{plugin: inputs.Inputs["cloud_pubsub_push"]().(*cloud_pubsub_push.PubSubPush), address: free.Addr().String()}
	require.NoError(t, free.Close())
	l.plugin.ServiceAddress, l.plugin.Path, l.plugin.Token = l.address, "/decahose", token
	l.plugin.ReadTimeout, l.plugin.WriteTimeout = config.Duration(patience), config.Duration(patience)
	if change != nil {
		change(l.plugin)
	}
	parser := &influx.Parser{}
	require.NoError(t, parser.Init())
	l.plugin.SetParser(parser)
	l.start(t, output)
	return l
}

func (l *listener) start(t testing.TB, output func(telegraf.Metric)) {
	metrics := make(chan telegraf.Metric, 100)
	input := models.NewRunningInput(l.plugin, &models.InputConfig{Name: "cloud_pubsub_push"})
	require.NoError(t, l.plugin.Start(agent.NewAccumulator(input, metrics)))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case m := <-metrics:
				output(m)
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() {
		l.plugin.Stop()
		close(stop)
		wg.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", l.address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, patience, time.Millisecond)
}

func accept(m telegraf.Metric) { m.Accept() }
func hang(telegraf.Metric)     {}

func courier(t testing.TB, rawURL string) *Courier { return courierOf(t, rawURL, token, patience) }

func courierOf(t testing.TB, rawURL, token string, timeout time.Duration) *Courier {
	client := NewClient(nil, timeout, 8)
	t.Cleanup(client.CloseIdleConnections)
	return New(Config{URL: rawURL, Token: func() (string, error) { return token, nil }, Client: client})
}

// serve starts a server that is no Telegraf.
func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/decahose"
}

// converse answers one connection by hand, after the request's header.
func converse(t *testing.T, answer func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Read(make([]byte, 1024))
		answer(conn)
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String() + "/decahose"
}

func batch(t testing.TB, texts ...string) *delivery.Batch {
	s, err := encode.NewSchema("prod", nil, nil, encode.Keep)
	require.NoError(t, err)
	b := &delivery.Batch{}
	for i, text := range texts {
		id := snowflake.First(1772366400123) | snowflake.ID(i)
		b.Lines = encode.AppendTweet(b.Lines, &tweet.Tweet{ID: id, Lang: []byte("en"), Text: []byte(text), UserID: 42}, s)
		b.Tweets = append(b.Tweets, spool.Tweet{Sent: ledger.Sent{ID: id}, End: len(b.Lines)})
	}
	return b
}

// many is a batch of n Tweets of an ordinary length.
func many(t testing.TB, n int) *delivery.Batch {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("Tweet %d says \"something\"\n%s", i, strings.Repeat("of an ordinary length ", 12))
	}
	return batch(t, texts...)
}

// later demands that b is to be sent again, and why; it returns the error.
func later(t *testing.T, c *Courier, b *delivery.Batch, says ...string) error {
	t.Helper()
	v, err := c.Deliver(context.Background(), b)
	require.Equal(t, delivery.Later, v, "%v", err)
	plainly(t, err, says...)
	return err
}

// plainly demands one line that says what it should, and no token.
func plainly(t *testing.T, err error, says ...string) {
	t.Helper()
	require.Error(t, err)
	for _, s := range says {
		require.ErrorContains(t, err, s)
	}
	require.NotContains(t, err.Error(), "\n")
	for _, secret := range []string{token, url.QueryEscape(token), "token="} {
		require.NotContains(t, err.Error(), secret)
		require.NotContains(t, fmt.Sprintf("%+v %#v", err, err), secret)
	}
}

func accepted(t *testing.T, c *Courier, b *delivery.Batch) {
	t.Helper()
	v, err := c.Deliver(context.Background(), b)
	require.NoError(t, err)
	require.Equal(t, delivery.Accepted, v)
}

// raw posts a body as it is, which the Courier never would.
func raw(t *testing.T, l *listener, body string) int {
	res, err := http.Post(l.url()+"?token="+url.QueryEscape(token), "application/json", strings.NewReader(body))
	require.NoError(t, err)
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res.StatusCode
}
