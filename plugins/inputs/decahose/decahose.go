//go:generate ../../../tools/readme_config_includer/generator

package decahose

import (
	"context"
	_ "embed"
	"sync"
	"sync/atomic"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/influxdata/telegraf/plugins/inputs"
	"github.com/influxdata/telegraf/selfstat"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/volume"
	"github.com/decahose/telegraf-decahose/plugins/debug"
	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/latest"
)

//go:embed sample.conf
var sampleConfig string

// drainTimeout bounds Stop: the time from its call until everything received is written or given
// up. The host's five seconds for a stop have to hold it and the linger of the pipe.
const drainTimeout = 2500 * time.Millisecond

// Decahose is one input: one stream of one account, its partitions and redundant connections.
type Decahose struct {
	Account     string `toml:"account"`
	StreamLabel string `toml:"stream_label"`

	Username     config.Secret `toml:"username"`
	Password     config.Secret `toml:"password"`
	UsernameFile string        `toml:"username_file"`
	PasswordFile string        `toml:"password_file"`

	Stream      string `toml:"stream"`
	Partitions  []int  `toml:"partitions"`
	Connections int    `toml:"connections"`

	StreamURL   string `toml:"stream_url"`
	ReplayURL   string `toml:"replay_url"`
	RecoveryURL string `toml:"recovery_url"`

	ConnectTimeout     config.Duration `toml:"connect_timeout"`
	HeartbeatTimeout   config.Duration `toml:"heartbeat_timeout"`
	SilenceTimeout     config.Duration `toml:"silence_timeout"`
	ConnectLimit       int             `toml:"connect_limit"`
	ConnectLimitPeriod config.Duration `toml:"connect_limit_period"`

	Backfill            string          `toml:"backfill"`
	Recovery            string          `toml:"recovery"`
	RecoveryWindow      config.Duration `toml:"recovery_window"`
	RecoveryDelay       config.Duration `toml:"recovery_delay"`
	RecoveryHorizon     config.Duration `toml:"recovery_horizon"`
	RecoveryJobs        int             `toml:"recovery_jobs"`
	RecoveryPartition   bool            `toml:"recovery_partition"`
	RecoveryParameters  []string        `toml:"recovery_parameters"`
	RecoveryLimit       int             `toml:"recovery_limit"`
	RecoveryLimitPeriod config.Duration `toml:"recovery_limit_period"`
	Archives            []*Archive      `toml:"archive"`
	StateDirectory      string          `toml:"state_directory"`
	VolumeFalseAlarms   float64         `toml:"volume_false_alarms"`

	Tweets      string          `toml:"tweets"`
	TweetTags   []string        `toml:"tweet_tags"`
	TweetFields []string        `toml:"tweet_fields"`
	Newline     string          `toml:"newline"`
	NUL         string          `toml:"nul"`
	DedupWindow config.Duration `toml:"dedup_window"`
	RecordLimit config.Size     `toml:"record_limit"`
	Routes      []Route         `toml:"route"`

	Delivery               string          `toml:"delivery"`
	Push                   Push            `toml:"push"`
	Feedback               *Feedback       `toml:"feedback"`
	MaxUndelivered         int             `toml:"max_undelivered"`
	MaxUndeliveredMessages int             `toml:"max_undelivered_messages" deprecated:"1.37.2;2.0.0;use 'max_undelivered' instead"`
	EmitRateLimit          int             `toml:"emit_rate_limit"`
	MetricBatchSize        int             `toml:"metric_batch_size"`
	MetricBufferLimit      int             `toml:"metric_buffer_limit"`
	FlushInterval          config.Duration `toml:"flush_interval"`
	SpoolLimit             config.Size     `toml:"spool_limit"`

	Audits []*Audit `toml:"audit"`
	Debug  Debug    `toml:"debug"`

	Log        telegraf.Logger     `toml:"-"`
	Statistics *selfstat.Collector `toml:"-"`
	Host       *Host               `toml:"-"` // nil: a Telegraf that we are compiled into

	tls.ClientConfig
	proxy.HTTPProxy

	schema *encode.Schema             // made by Init
	files  *latest.Values             // made by Init; credentials and TLS, which may be renewed
	stream atomic.Pointer[app.Stream] // nil before Start and after Stop; Gather reads it
	cancel context.CancelFunc         // of the running stream; owned by Start and Stop
	wg     sync.WaitGroup
	ending sync.Mutex // held by the stop that runs

	tracked  *tracked      // the courier where outputs are told of by an accumulator
	feedback *reports      // from Start to Stop; nil: nobody listens
	debug    *debug.Server // from Start to Stop; nil: nobody listens
	recorder *recorder     // from Start to Stop; nil: events are not recorded
	logsTold atomic.Int64  // Unix ns, when a log was last told of
}

// Route is one way out to X, for redundant connections that must not share a network.
type Route struct {
	LocalAddress string `toml:"local_address"`
	HTTPProxyURL string `toml:"http_proxy_url"`
}

// SampleConfig returns the plugin's own configuration with all options.
func (*Decahose) SampleConfig() string { return sampleConfig }

// Init checks the options. It reads credential and TLS files, and touches no network.
// A bad value comes back as *option.Error.
func (d *Decahose) Init() error { return guard.Error(d.init()) }

func (d *Decahose) init() error {
	d.Log = guard.Logger(d.Log)
	d.guardURLs()
	d.setDependentDefaults()
	if err := d.validate(); err != nil {
		return err
	}
	d.keepFiles()
	schema, err := d.newSchema(d.StreamLabel)
	d.schema = schema
	return err
}

// keepFiles has what is read of files and secret stores outlast their trouble.
func (d *Decahose) keepFiles() {
	values := func() *latest.Values { return latest.New(func(text string) { d.say('W', text) }) }
	d.files, d.Push.kept = values(), values()
	if d.Feedback != nil {
		d.Feedback.kept = values()
	}
	for _, a := range d.Audits {
		a.kept = values()
	}
}

// Start begins to connect. It does not fail because X cannot be reached: that is tried again for ever.
func (d *Decahose) Start(acc telegraf.Accumulator) error { return guard.Error(d.start(acc)) }

func (d *Decahose) start(acc telegraf.Accumulator) error {
	if err := d.checkTrial(commandLine()); err != nil {
		return err
	}
	if err := d.checkHost(); err != nil {
		return err
	}
	cfg, err := d.appConfig(acc)
	if err != nil {
		return err
	}
	board := d.watch(&cfg.Engine)
	s, err := d.open(cfg)
	if err != nil {
		d.closeRecorder()
		return err
	}
	d.Log.Info(d.startLine())
	for _, n := range d.deliveryNotes() {
		d.note(n)
	}
	d.inspect(board, s)
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.stream.Store(s)
	d.wg.Go(func() { d.run(ctx, s) })
	d.startAudits(ctx, s)
	return nil
}

// open opens the archives, the stream and the way of reports; after an error none of them.
func (d *Decahose) open(cfg app.Config) (s *app.Stream, err error) {
	if err = d.openArchives(&cfg.Engine); err == nil {
		s, err = app.New(cfg)
		err = d.stateError(err)
	}
	if err == nil {
		d.tellOfPlace()
		err = d.listen()
	}
	if err != nil {
		d.close(s)
	}
	return s, err
}

// close ends what open began; s may be nil.
func (d *Decahose) close(s *app.Stream) {
	d.untrack()
	if s != nil {
		s.Close()
	}
	d.closeArchives()
}

// run is the goroutine of the stream, from Start to Stop.
func (d *Decahose) run(ctx context.Context, s *app.Stream) {
	if err := s.Run(ctx); err != nil {
		d.Log.Errorf("Stream %s: %v", d.StreamLabel, err)
	}
}

// Gather has the counters emitted now; before Start there are none.
func (d *Decahose) Gather(telegraf.Accumulator) error {
	if s := d.stream.Load(); s != nil {
		d.tellOfLogs(time.Now())
		s.Engine.Poll()
	}
	return nil
}

// stopLimit bounds Stop: the Telegraf that we are compiled in stops its other plugins after us.
const stopLimit = 4500 * time.Millisecond

// Stop closes the connections, emits what was received, and returns when nothing of the plugin runs any more, or after
// stopLimit: then a disk, a store or an output hangs, and who waits for it is left behind. It may be called before Start
// and more than once.
func (d *Decahose) Stop() {
	done := make(chan struct{})
	var left sync.WaitGroup
	left.Go(func() {
		defer close(done)
		d.ending.Lock()
		defer d.ending.Unlock()
		d.stop()
	})
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		d.Log.Errorf("Stream %s: a disk, a store or an output hangs: the stop goes on without it after %v; what is not in the state comes again", d.StreamLabel, stopLimit)
	}
}

func (d *Decahose) stop() {
	if d.cancel != nil {
		d.cancel()
	}
	d.unlisten()
	d.wg.Wait()
	d.closeDebug()
	d.closeRecorder()
	d.close(d.stream.Swap(nil))
}

func (d *Decahose) rejected() selfstat.Stat {
	if d.Statistics == nil {
		return nil
	}
	return d.Statistics.Register("decahose", "metrics_rejected", map[string]string{"stream_label": d.StreamLabel})
}

func (d *Decahose) note(n core.Note) {
	switch n.Level {
	case core.Error:
		d.Log.Error(n.Text)
	case core.Warn:
		d.Log.Warn(n.Text)
	case core.Info:
		d.Log.Info(n.Text)
	default:
		d.Log.Debug(n.Text)
	}
}

func newDecahose() *Decahose {
	return &Decahose{
		Stream:              "sample10",
		Partitions:          []int{1, 2},
		Connections:         2,
		StreamURL:           xapi.StreamURL,
		ReplayURL:           xapi.ReplayURL,
		RecoveryURL:         xapi.RecoveryURL,
		ConnectTimeout:      config.Duration(10 * time.Second),
		HeartbeatTimeout:    config.Duration(31 * time.Second),
		SilenceTimeout:      config.Duration(10 * time.Second),
		ConnectLimit:        xapi.ConnectLimit,
		ConnectLimitPeriod:  config.Duration(xapi.ConnectPeriod),
		Backfill:            "auto",
		Recovery:            "replay",
		RecoveryWindow:      config.Duration(time.Hour),
		RecoveryDelay:       config.Duration(30 * time.Minute),
		RecoveryHorizon:     unset,
		RecoveryJobs:        unset,
		RecoveryPartition:   true,
		RecoveryParameters:  []string{"startTime", "endTime"},
		RecoveryLimit:       xapi.RequestLimit,
		RecoveryLimitPeriod: config.Duration(xapi.RequestPeriod),
		Tweets:              "fields",
		TweetTags:           encode.DefaultTags(),
		Newline:             "keep",
		NUL:                 "keep",
		DedupWindow:         config.Duration(time.Hour),
		VolumeFalseAlarms:   volume.FalseAlarms,
		RecordLimit:         4 << 20,
		Debug:               Debug{RecordLimit: 64 << 20},
		Delivery:            "auto",
		Push:                newPush(),
		MaxUndelivered:      unset,
		SpoolLimit:          1 << 30,
	}
}

func init() { inputs.Add("decahose", func() telegraf.Input { return newDecahose() }) }
