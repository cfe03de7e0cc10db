package decahose

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// acknowledging is valid, with change.
func acknowledging(change func(*Decahose)) func(*Decahose) {
	return func(d *Decahose) {
		d.Delivery = "acknowledged"
		change(d)
	}
}

// listening is valid with feedback.
func listening(f Feedback) func(*Decahose) { return func(d *Decahose) { d.Feedback = &f } }

func TestDeliveryOptions(t *testing.T) {
	secret := config.NewSecret([]byte("s3cret"))
	for name, test := range map[string]struct {
		change func(*Decahose)
		option string // of the error; empty: none
	}{
		"auto":                   {func(*Decahose) {}, ""},
		"mode":                   {func(d *Decahose) { d.Delivery = "x" }, "delivery"},
		"no Tweet":               {func(d *Decahose) { d.MaxUndelivered = 0 }, "max_undelivered"},
		"old name":               {func(d *Decahose) { d.MaxUndeliveredMessages = 10 }, ""},
		"both names":             {func(d *Decahose) { d.MaxUndelivered, d.MaxUndeliveredMessages = 10, 10 }, "max_undelivered_messages"},
		"old name too large":     {func(d *Decahose) { d.MaxUndeliveredMessages = 1e9 }, "max_undelivered"},
		"negative rate":          {func(d *Decahose) { d.EmitRateLimit = -1 }, "emit_rate_limit"},
		"negative batch":         {func(d *Decahose) { d.MetricBatchSize = -1 }, "metric_batch_size"},
		"negative limit":         {func(d *Decahose) { d.MetricBufferLimit = -1 }, "metric_buffer_limit"},
		"negative flush":         {func(d *Decahose) { d.FlushInterval = -1 }, "flush_interval"},
		"no spool":               {func(d *Decahose) { d.SpoolLimit = 0 }, ""},
		"small spool":            {func(d *Decahose) { d.SpoolLimit = 1000 }, "spool_limit"},
		"negative spool":         {func(d *Decahose) { d.SpoolLimit = -1 }, "spool_limit"},
		"batch of stdout":        {func(d *Decahose) { d.MetricBatchSize = 10_000 }, ""},
		"tracked below a batch":  {func(d *Decahose) { d.Delivery, d.MetricBatchSize = "tracked", 5001 }, "max_undelivered"},
		"tracked, a batch":       {func(d *Decahose) { d.Delivery, d.MetricBatchSize = "tracked", 5000 }, ""},
		"below a batch":          {acknowledging(func(d *Decahose) { d.MetricBatchSize = 5001 }), "max_undelivered"},
		"at the limit":           {acknowledging(func(d *Decahose) { d.MetricBufferLimit = 5000 }), "max_undelivered"},
		"below the limit":        {acknowledging(func(d *Decahose) { d.MetricBufferLimit = 5001 }), ""},
		"push":                   {acknowledging(func(*Decahose) {}), ""},
		"unused push":            {func(d *Decahose) { d.Push.URL = "" }, ""},
		"no URL":                 {acknowledging(func(d *Decahose) { d.Push.URL = "" }), "push.url"},
		"http elsewhere":         {acknowledging(func(d *Decahose) { d.Push.URL = "http://example.org/s3cret?" }), "push.url"},
		"token in the query":     {acknowledging(func(d *Decahose) { d.Push.URL = "http://127.0.0.1:1/?token=s3cret" }), "push.url"},
		"user in the URL":        {acknowledging(func(d *Decahose) { d.Push.URL = "http://s3cret@127.0.0.1:1/" }), "push.url"},
		"no URL at all":          {acknowledging(func(d *Decahose) { d.Push.URL = "http://s3cret:%zz/" }), "push.url"},
		"https without token":    {acknowledging(func(d *Decahose) { d.Push.URL = "https://example.org/" }), "push.token"},
		"https with token":       {acknowledging(func(d *Decahose) { d.Push.URL, d.Push.Token = "https://example.org/", secret }), ""},
		"https here":             {acknowledging(func(d *Decahose) { d.Push.URL = "https://localhost:1/" }), ""},
		"token twice":            {acknowledging(func(d *Decahose) { d.Push.Token, d.Push.TokenFile = secret, "x" }), "push.token_file"},
		"no token file":          {acknowledging(func(d *Decahose) { d.Push.TokenFile = "/nowhere" }), "push.token_file"},
		"empty batch":            {acknowledging(func(d *Decahose) { d.Push.Batch = 0 }), "push.batch"},
		"batch over undelivered": {acknowledging(func(d *Decahose) { d.Push.Batch = 5001 }), "push.batch"},
		"no request":             {acknowledging(func(d *Decahose) { d.Push.Concurrency = 0 }), "push.concurrency"},
		"no timeout":             {acknowledging(func(d *Decahose) { d.Push.Timeout = 0 }), "push.timeout"},
		"TLS version":            {acknowledging(func(d *Decahose) { d.Push.TLSMinVersion = "TLS99" }), "push.tls_min_version"},
		"TLS key":                {acknowledging(func(d *Decahose) { d.Push.TLSCert = "x" }), "push.tls_key"},
		"TLS off": {acknowledging(func(d *Decahose) {
			d.Push.URL, d.Push.Enable = "https://localhost/", new(bool)
		}), "push.tls_enable"},
		"listen":                 {listening(Feedback{}), ""},
		"listen to IPv6":         {listening(Feedback{Listen: "[::1]:9187"}), ""},
		"no port":                {listening(Feedback{Listen: "127.0.0.1"}), "feedback.listen"},
		"port of no one":         {listening(Feedback{Listen: "127.0.0.1:x"}), "feedback.listen"},
		"listen to all":          {listening(Feedback{Listen: ":9187"}), "feedback.token"},
		"listen to all, token":   {listening(Feedback{Listen: ":9187", Token: secret}), ""},
		"feedback's token twice": {listening(Feedback{Token: secret, TokenFile: "x"}), "feedback.token_file"},
	} {
		t.Run(name, func(t *testing.T) {
			d := valid()
			test.change(d)
			err := d.Init()
			if test.option == "" {
				require.NoError(t, err)
				require.NoError(t, d.Init(), "again")
				return
			}
			oe, ok := errors.AsType[*option.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, test.option, oe.Option)
			require.NotContains(t, err.Error(), "\n")
			if name != "http elsewhere" {
				require.NotContains(t, err.Error(), "s3cret")
			}
		})
	}
}

func TestOldNameOfMaxUndelivered(t *testing.T) {
	d := valid()
	d.MaxUndeliveredMessages = 17
	require.NoError(t, d.Init())
	require.Equal(t, 17, d.MaxUndelivered)
	d = valid()
	require.NoError(t, d.Init())
	require.Equal(t, 5000, d.MaxUndelivered)
}

// hosted makes telegraf-decahose run d.
func hosted(d *Decahose) { d.Host = &Host{Writer: encode.NewWriter(io.Discard)} }

func TestCheckHost(t *testing.T) {
	for _, test := range []struct {
		mode         string
		hosted       bool
		batch, limit int
		option       string // of the error; empty: none
	}{
		{mode: "auto", hosted: true, batch: 10_000, limit: 1000},
		{mode: "auto", batch: 10_000, option: "max_undelivered"},
		{mode: "auto", limit: 5000, option: "max_undelivered"},
		{mode: "auto", batch: 5000, limit: 5001},
		{mode: "stdout", hosted: true},
		{mode: "stdout", option: "delivery"},
		{mode: "tracked"},
		{mode: "tracked", hosted: true, option: "delivery"},
		{mode: "acknowledged", hosted: true},
		{mode: "acknowledged"},
	} {
		d := valid()
		d.Delivery, d.MetricBatchSize, d.MetricBufferLimit = test.mode, test.batch, test.limit
		require.NoError(t, d.Init())
		if test.hosted {
			hosted(d)
		}
		err := d.checkHost()
		if test.option == "" {
			require.NoError(t, err, "%+v", test)
			continue
		}
		oe, ok := errors.AsType[*option.Error](err)
		require.True(t, ok, "%+v: %v", test, err)
		require.Equal(t, test.option, oe.Option)
	}
}

// The host's accumulator applies Telegraf's settings, and has no answer of outputs.
func TestNotAcknowledgedThroughAccumulator(t *testing.T) {
	d := valid()
	d.Delivery, d.Host = "acknowledged", &Host{}
	require.NoError(t, d.Init())
	require.ErrorContains(t, d.checkHost(), `option "delivery" is "acknowledged"`)
	d.Host.Writer = encode.NewWriter(io.Discard)
	require.NoError(t, d.checkHost())
}

func TestDeliveryNotes(t *testing.T) {
	secret := config.NewSecret([]byte("s3cret"))
	for name, test := range map[string]struct {
		change func(*Decahose)
		want   []string // level, and what the line begins with
	}{
		"stdout":                  {hosted, nil},
		"stdout, slow":            {func(d *Decahose) { hosted(d); d.EmitRateLimit = 999 }, []string{"W emit_rate_limit is 999: a stream of"}},
		"stdout, fast enough":     {func(d *Decahose) { hosted(d); d.EmitRateLimit = 1000 }, nil},
		"stdout, flush too long":  {func(d *Decahose) { hosted(d); d.EmitRateLimit, d.MetricBufferLimit = 1001, 10_000 }, []string{"W emit_rate_limit of 1001 in a flush_interval of 10s"}},
		"stdout, flush":           {func(d *Decahose) { hosted(d); d.EmitRateLimit, d.MetricBufferLimit = 1000, 10_000 }, nil},
		"stdout, declared flush":  {func(d *Decahose) { hosted(d); declare(d, 5000, 10_000, time.Second) }, nil},
		"stdout, small buffer":    {func(d *Decahose) { hosted(d); d.MetricBufferLimit = 179_999 }, []string{"W metric_buffer_limit is 179999: a backfill"}},
		"stdout, large buffer":    {func(d *Decahose) { hosted(d); d.MetricBufferLimit = 180_000 }, nil},
		"stdout, feedback":        {func(d *Decahose) { hosted(d); d.MetricBufferLimit, d.Feedback = 1000, &Feedback{} }, []string{"I feedback.token is not set"}},
		"feedback for all":        {func(d *Decahose) { hosted(d); d.Feedback = &Feedback{Listen: ":1", Token: secret} }, []string{"W feedback.listen is :1: the token"}},
		"tracked":                 {func(*Decahose) {}, nil},
		"tracked, few":            {func(d *Decahose) { d.MaxUndelivered = 999 }, []string{"W max_undelivered is 999, less than Telegraf's default"}},
		"tracked, few, declared":  {func(d *Decahose) { d.MaxUndelivered, d.MetricBatchSize = 999, 999 }, nil},
		"tracked, many":           {func(d *Decahose) { d.MaxUndelivered = 10_000 }, []string{"W max_undelivered is 10000, not less than Telegraf's default"}},
		"tracked, many, declared": {func(d *Decahose) { d.MaxUndelivered, d.MetricBufferLimit = 10_000, 10_001 }, nil},
		"tracked, feedback":       {func(d *Decahose) { d.Feedback = &Feedback{Token: secret} }, []string{"W feedback has no effect"}},
		"PostgreSQL":              {func(d *Decahose) { d.Audits = postgres() }, []string{`W nul is "keep"`}},
		"PostgreSQL, no NUL":      {func(d *Decahose) { d.Audits, d.NUL = postgres(), "space" }, nil},
		"push":                    {acknowledging(func(*Decahose) {}), []string{"I push.token is not set"}},
		"push, token":             {acknowledging(func(d *Decahose) { d.Push.Token = secret }), nil},
		"push, too many":          {acknowledging(func(d *Decahose) { d.Push.Token, d.Push.Concurrency = secret, 11 }), []string{"W push.batch × push.concurrency is 5500, more than max_undelivered: only 10 of 11"}},
		"push, too few":           {acknowledging(func(d *Decahose) { d.Push.Token, d.Push.Concurrency = secret, 1 }), []string{"W push.batch × push.concurrency is 500, less than metric_batch_size (1000)"}},
		"push, impatient":         {acknowledging(func(d *Decahose) { d.Push.Token, d.Push.Timeout = secret, config.Duration(10*time.Second) }), []string{"W push.timeout is 10s, not more than flush_interval (10s)"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := valid()
			test.change(d)
			require.NoError(t, d.Init())
			require.NoError(t, d.checkHost())
			notes := d.deliveryNotes()
			require.Len(t, notes, len(test.want), "%v", notes)
			for i, n := range notes {
				line := string(rune(n.Level)) + " " + n.Text
				require.True(t, strings.HasPrefix(line, test.want[i]), line)
				require.NotContains(t, line, "s3cret")
				require.NotContains(t, line, "%!")
			}
		})
	}
}

func postgres() []*Audit {
	return []*Audit{{Type: "postgresql", DSN: config.NewSecret([]byte("postgres://auditor@127.0.0.1/decahose"))}}
}

func declare(d *Decahose, rate, limit int, flush time.Duration) {
	d.EmitRateLimit, d.MetricBufferLimit, d.FlushInterval = rate, limit, config.Duration(flush)
}

const deliveryConfig = `
[[inputs.decahose]]
  account = "example"
  stream_label = "prod"
  username = "u"
  password = "p"
  delivery = "acknowledged"
  max_undelivered = 6000
  emit_rate_limit = 2000
  metric_batch_size = 2000
  metric_buffer_limit = 20000
  flush_interval = "5s"
  spool_limit = "2GiB"
  [inputs.decahose.push]
    url = "https://localhost:9186/x"
    token = "s3cret"
    batch = 100
    timeout = "30s"
    tls_min_version = "TLS13"
    insecure_skip_verify = true
  [inputs.decahose.feedback]
`

// Telegraf's loader reads the tables, and what they leave out keeps its default.
func TestDeliveryTables(t *testing.T) {
	d := load(t, []byte(deliveryConfig)).Input.(*Decahose)
	require.Equal(t, []any{"acknowledged", 6000, 2000, 2000, 20_000, 5 * time.Second, config.Size(2 << 30)},
		[]any{d.Delivery, d.MaxUndelivered, d.EmitRateLimit, d.MetricBatchSize, d.MetricBufferLimit, time.Duration(d.FlushInterval), d.SpoolLimit})
	require.Equal(t, []any{"https://localhost:9186/x", 100, 8, 30 * time.Second}, []any{d.Push.URL, d.Push.Batch, d.Push.Concurrency, time.Duration(d.Push.Timeout)})
	token, err := d.Push.token()
	require.NoError(t, err)
	require.Equal(t, "s3cret", token)
	cfg, err := d.Push.TLSConfig()
	require.NoError(t, err)
	require.Equal(t, uint16(tls.VersionTLS13), cfg.MinVersion)
	require.True(t, cfg.InsecureSkipVerify)
	require.False(t, d.InsecureSkipVerify)
	require.Equal(t, "127.0.0.1:9187", d.Feedback.Listen)

	plain := load(t, []byte(deliveryConfig[:strings.Index(deliveryConfig, "  delivery")])).Input.(*Decahose)
	require.Nil(t, plain.Feedback)
	old := load(t, []byte(strings.Replace(deliveryConfig, "max_undelivered =", "max_undelivered_messages =", 1))).Input.(*Decahose)
	require.Equal(t, 6000, old.MaxUndelivered)
	require.Equal(t, "http://127.0.0.1:9186/decahose", plain.Push.URL)
}

// Tokens are read anew: files rotate.
func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	p := Push{TokenFile: file}
	_, err := p.token()
	require.ErrorContains(t, err, "push.token")
	require.NotContains(t, err.Error(), file)
	for _, want := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(file, []byte(want+"\n"), 0o600))
		token, err := p.token()
		require.NoError(t, err)
		require.Equal(t, want, token)
	}
	token, err := (&Feedback{}).token()
	require.NoError(t, err)
	require.Empty(t, token)
}
