package decahose

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/models"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

func valid() *Decahose {
	d := newDecahose()
	d.Account, d.StreamLabel = "an account", "prod/1"
	d.Username, d.Password = config.NewSecret([]byte("user")), config.NewSecret([]byte("pass"))
	return d
}

func TestURL(t *testing.T) {
	d := valid()
	d.StreamURL = "https://example.org/base/"
	require.NoError(t, d.Init())
	require.Equal(t, "https://example.org/base/stream/sample10/accounts/an%20account/publishers/twitter/prod%2F1.json?partition=2", d.url(2, 0))
	require.Equal(t, "https://example.org/base/stream/sample10/accounts/an%20account/publishers/twitter/prod%2F1.json?partition=1&backfillMinutes=3", d.url(1, 3))
}

func TestInit(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Decahose)
		option string // of the error; empty: none
	}{
		"valid":               {func(*Decahose) {}, ""},
		"no account":          {func(d *Decahose) { d.Account = "" }, "account"},
		"control character":   {func(d *Decahose) { d.StreamLabel = "a\nb" }, "stream_label"},
		"likes":               {func(d *Decahose) { d.Stream = "sample10-likes" }, "stream"},
		"firehose":            {func(d *Decahose) { d.Stream, d.Partitions = "firehose", []int{3, 20} }, ""},
		"partition 3":         {func(d *Decahose) { d.Partitions = []int{3} }, "partitions"},
		"partition 0":         {func(d *Decahose) { d.Partitions = []int{0} }, "partitions"},
		"partition twice":     {func(d *Decahose) { d.Partitions = []int{1, 1} }, "partitions"},
		"no partition":        {func(d *Decahose) { d.Partitions = nil }, "partitions"},
		"no connection":       {func(d *Decahose) { d.Connections = 0 }, "connections"},
		"five connections":    {func(d *Decahose) { d.Connections = 5 }, "connections"},
		"http":                {func(d *Decahose) { d.ReplayURL = "http://example.org" }, "replay_url"},
		"http to loopback":    {func(d *Decahose) { d.StreamURL = "http://127.0.0.1:8080" }, ""},
		"http to localhost":   {func(d *Decahose) { d.StreamURL = "http://localhost:8080/x" }, ""},
		"http to IPv6":        {func(d *Decahose) { d.StreamURL = "http://[::1]:8080" }, ""},
		"loopback in name":    {func(d *Decahose) { d.StreamURL = "http://127.0.0.1.example.org" }, "stream_url"},
		"no timeout":          {func(d *Decahose) { d.ConnectTimeout = 0 }, "connect_timeout"},
		"heartbeat off":       {func(d *Decahose) { d.HeartbeatTimeout = 0 }, ""},
		"negative silence":    {func(d *Decahose) { d.SilenceTimeout = -1 }, "silence_timeout"},
		"small values":        {func(d *Decahose) { d.HeartbeatTimeout, d.RecoveryDelay = 1, 0 }, ""},
		"recovery":            {func(d *Decahose) { d.Recovery = "x" }, "recovery"},
		"window":              {func(d *Decahose) { d.RecoveryWindow = config.Duration(time.Second) }, "recovery_window"},
		"parameters":          {func(d *Decahose) { d.RecoveryParameters = []string{"a"} }, "recovery_parameters"},
		"newline":             {func(d *Decahose) { d.Newline = "x" }, "newline"},
		"nul":                 {func(d *Decahose) { d.NUL = "drop" }, "nul"},
		"no fields":           {func(d *Decahose) { d.TweetFields = []string{} }, "tweet_fields"},
		"no tags":             {func(d *Decahose) { d.TweetTags = []string{} }, ""},
		"tag twice":           {func(d *Decahose) { d.TweetTags = []string{"lang", "lang"} }, "tweet_tags"},
		"false alarms":        {func(d *Decahose) { d.VolumeFalseAlarms = -0.01 }, "volume_false_alarms"},
		"false alarms NaN":    {func(d *Decahose) { d.VolumeFalseAlarms = math.NaN() }, "volume_false_alarms"},
		"too many of them":    {func(d *Decahose) { d.VolumeFalseAlarms = 101 }, "volume_false_alarms"},
		"no statistics":       {func(d *Decahose) { d.VolumeFalseAlarms = 0 }, ""},
		"record limit":        {func(d *Decahose) { d.RecordLimit = 10 }, "record_limit"},
		"route":               {func(d *Decahose) { d.Routes = []Route{{LocalAddress: "x"}} }, "route[1].local_address"},
		"routes":              {func(d *Decahose) { d.Routes = []Route{{LocalAddress: "127.0.0.1"}, {HTTPProxyURL: "http://p:1"}} }, ""},
		"proxy without host":  {func(d *Decahose) { d.HTTPProxyURL = "p:1" }, "http_proxy_url"},
		"state is a file":     {func(d *Decahose) { d.StateDirectory = "decahose.go" }, "state_directory"},
		"no jobs":             {func(d *Decahose) { d.RecoveryJobs = 0 }, "recovery_jobs"},
		"no horizon":          {func(d *Decahose) { d.RecoveryHorizon = 0 }, "recovery_horizon"},
		"http to LOCALHOST":   {func(d *Decahose) { d.StreamURL = "http://LOCALHOST:8080" }, ""},
		"TLS version":         {func(d *Decahose) { d.TLSMinVersion = "TLS99" }, "tls_min_version"},
		"TLS ciphers":         {func(d *Decahose) { d.TLSCipherSuites = []string{"x"} }, "tls_cipher_suites"},
		"TLS renegotiation":   {func(d *Decahose) { d.RenegotiationMethod = "x" }, "tls_renegotiation_method"},
		"TLS authority":       {func(d *Decahose) { d.TLSCA = "decahose.go" }, "tls_ca"},
		"TLS key missing":     {func(d *Decahose) { d.TLSCert = "x" }, "tls_key"},
		"TLS pair":            {func(d *Decahose) { d.TLSCert, d.TLSKey = "decahose.go", "decahose.go" }, "tls_cert"},
		"TLS off, but https:": {func(d *Decahose) { d.Enable = new(bool) }, "tls_enable"},
	} {
		t.Run(name, func(t *testing.T) {
			d := valid()
			test.change(d)
			err := d.Init()
			if test.option == "" {
				require.NoError(t, err)
				return
			}
			oe, ok := errors.AsType[*option.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, test.option, oe.Option)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestDefaultsOfTheMethod(t *testing.T) {
	d := valid()
	require.NoError(t, d.Init())
	require.Equal(t, 120*time.Hour, time.Duration(d.RecoveryHorizon))
	require.Equal(t, 1, d.RecoveryJobs)
	d = valid()
	d.Recovery = "recovery"
	require.NoError(t, d.Init())
	require.Equal(t, 24*time.Hour, time.Duration(d.RecoveryHorizon))
	require.Equal(t, 2, d.RecoveryJobs)
}

// Telegraf's own function leaves these two out where they stand alone.
func TestTLSOptionsThatStandAlone(t *testing.T) {
	d := valid()
	d.TLSMinVersion, d.TLSCipherSuites = "TLS13", []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
	cfg, err := d.TLSConfig()
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS13), cfg.MinVersion)
	require.Equal(t, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, cfg.CipherSuites)
}

// Stop may come before Start, twice, and while nothing can be reached; Gather at any time.
func TestLifecycle(t *testing.T) {
	d := valid()
	d.StreamURL, d.StateDirectory = "http://127.0.0.1:1", t.TempDir()
	d.Log = quiet{}
	require.NoError(t, d.Init())
	ri := models.NewRunningInput(d, &models.InputConfig{Name: "decahose", LogLevel: "error"})
	d.Log = quiet{}
	require.NoError(t, ri.Init())
	require.NoError(t, d.Gather(nil))
	d.Stop()
	c, in := &collector{}, make(chan telegraf.Metric, 100)
	var wg sync.WaitGroup
	wg.Go(func() { c.run(in) })
	for range 2 {
		require.NoError(t, ri.Start(agent.NewAccumulator(ri, in)))
		require.NoError(t, d.Gather(nil))
		d.Stop()
		d.Stop()
	}
	close(in) // a metric after Stop would panic
	wg.Wait()
	require.NoError(t, d.Gather(nil))
}

// quiet logs nothing.
type quiet struct{ telegraf.Logger }

func (quiet) Errorf(string, ...any) {}
func (quiet) Error(...any)          {}
func (quiet) Warn(...any)           {}
func (quiet) Info(...any)           {}
func (quiet) Debug(...any)          {}

func TestPoints(t *testing.T) {
	in := make(chan telegraf.Metric, 1)
	ri := models.NewRunningInput(valid(), &models.InputConfig{Name: "decahose", LogLevel: "error"})
	s := &accumulatorPoints{acc: agent.NewAccumulator(ri, in)}
	require.NoError(t, s.AddPoint(&encode.Point{Name: "p", Tags: []encode.Tag{{Key: "a", Value: "b"}},
		Fields: []encode.Field{{Key: "f", Value: int64(1)}}, Time: 5}))
	require.Positive(t, s.Pending())
	require.NoError(t, s.Write(context.Background(), s.Take()))
	m := <-in
	require.Equal(t, "p map[a:b] map[f:1] 5", fmt.Sprintf("%s %v %v %d", m.Name(), m.Tags(), m.Fields(), m.Time().UnixNano()))
	require.Zero(t, s.Pending())
}

// Every option stands in sample.conf, with its default where it has one.
func TestSampleConfig(t *testing.T) {
	sample := (&Decahose{}).SampleConfig()
	var active []string
	for line := range strings.Lines(sample) {
		require.NotContains(t, line, "\t")
		if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "#") {
			active = append(active, trimmed)
		}
	}
	require.Equal(t, []string{"[[inputs.decahose]]", `account = "example"`, `stream_label = "prod"`}, active)
}
