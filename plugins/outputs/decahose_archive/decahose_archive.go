//go:generate ../../../tools/readme_config_includer/generator

package decahose_archive

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/outputs"
	"github.com/influxdata/telegraf/plugins/serializers/influx"
	"github.com/influxdata/telegraf/selfstat"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

//go:embed sample.conf
var sampleConfig string

// Archive is one output. Add, Flush and Write are for one goroutine at a time, as Telegraf has it.
type Archive struct {
	URL string `toml:"url"`

	AccessKey    config.Secret `toml:"access_key"`
	SecretKey    config.Secret `toml:"secret_key"`
	SessionToken config.Secret `toml:"session_token"`

	SpoolDirectory   string          `toml:"spool_directory"`
	SpoolLimit       config.Size     `toml:"spool_limit"`
	SegmentInterval  config.Duration `toml:"segment_interval"`
	RetentionAge     config.Duration `toml:"retention_age"`
	RetentionSize    config.Size     `toml:"retention_size"`
	NonTweets        string          `toml:"non_tweets"`
	CompressionLevel int             `toml:"compression_level"`

	Log        telegraf.Logger     `toml:"-"`
	Statistics *selfstat.Collector `toml:"-"`

	serializer influx.Serializer
	batch      *archive.Batch // being collected
	joiner     archive.Joiner // holds the line before, which may go on
	ended      bool           // Tweets came with the field that is written last
	writer     *archive.Writer
	requests   chan request
	cancel     context.CancelFunc
	wg         sync.WaitGroup
	trouble    trouble
	stats      stats
}

// request asks the keeper to write. The answer comes when it is durable, or why not.
type request struct {
	batch *archive.Batch
	done  chan<- error
}

// openLimit is how many bytes of lines wait in memory for the end of their segments.
const openLimit = 64 << 20

// errClosed is what a Write before Connect or after Close gets.
var errClosed = errors.New("archive is not open")

// SampleConfig returns the plugin's own configuration with all options.
func (*Archive) SampleConfig() string { return sampleConfig }

// Init checks the options. It touches neither disk nor network. A bad value comes back as *option.Error.
func (a *Archive) Init() error {
	a.Log = guard.Logger(a.Log)
	guard.ScanValue(a.URL)
	a.serializer.UintSupport = true
	a.batch = new(archive.Batch)
	a.requests = make(chan request)
	return guard.Error(a.validate())
}

// Directory is what the archive writes to on this host: the archive itself or, of a bucket, the spool. After loading.
func (a *Archive) Directory() string {
	if dir := archive.Directory(a.URL); dir != "" {
		return dir
	}
	return cmp.Or(a.SpoolDirectory, option.StateDirectory())
}

// Check proves that the bucket takes segments, and where there is a retention that it lets them go; of directories, that
// this user can write there. It writes nothing to those. After Init.
func (a *Archive) Check(ctx context.Context) error {
	for _, dir := range []string{a.Directory(), a.SpoolDirectory} {
		if why := option.Unwritable(dir); why != "" {
			return fmt.Errorf("directory %s: %s", dir, why)
		}
	}
	o, err := a.Credentials()
	if err != nil {
		return err
	}
	return guard.Error(archive.CheckBucket(ctx, a.URL, o, a.RetentionAge > 0 || a.RetentionSize > 0))
}

// Connect opens the spool and takes up what an earlier process left there. It does not ask for the bucket: what cannot be
// uploaded waits.
func (a *Archive) Connect() error {
	o, err := a.writerOptions()
	if err != nil {
		return err
	}
	if a.writer, err = archive.NewWriter(a.URL, o, time.Now()); err != nil {
		return guard.Error(fmt.Errorf("open archive: %w", err))
	}
	for _, n := range a.writer.Notes() {
		a.Log.Warn(n)
	}
	if dir := a.Directory(); !durable.KeepsNames(dir) {
		a.Log.Warnf("The file system of %s cannot sync directories: after a loss of power files made just before may be gone", dir)
	}
	a.stats.register(a.Statistics)
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.wg.Go(func() { a.keep(ctx) })
	a.wg.Go(func() { a.tidy(ctx) })
	return nil
}

// Write returns nil when every Tweet of the metrics is durable. What is no Tweet is counted, and never an error: Telegraf
// would send it again for ever.
func (a *Archive) Write(metrics []telegraf.Metric) error {
	a.batch, a.joiner = new(archive.Batch), archive.Joiner{} // without what a failed Write left: it comes again
	for _, m := range metrics {
		line, err := a.serializer.Serialize(m)
		if err != nil {
			a.malformed(err)
			continue
		}
		a.Add(line)
	}
	return a.Flush()
}

// Add takes one line of line protocol, for the next Flush. What is no Tweet is counted. Lines into which an output above cut
// a Tweet are one again.
func (a *Archive) Add(line []byte) { a.take(a.joiner.Add(line)) }

// take adds a whole line, if there is one.
func (a *Archive) take(line []byte) {
	if line == nil {
		return
	}
	switch err := a.batch.Add(line); {
	case errors.Is(err, archive.ErrNotTweet) && a.NonTweets == passed:
		a.stats.passed.Add(1)
	case errors.Is(err, archive.ErrNotTweet):
		a.stats.refused.Add(1)
		a.trouble.tell(a.Log.Warnf, "%d metrics were not stored, the last because %v", a.stats.refused.Load(), err)
	case err != nil:
		a.malformed(err)
	}
}

// malformed counts what is no line protocol, or cannot be written as such.
func (a *Archive) malformed(err error) {
	a.stats.malformed.Add(1)
	a.trouble.tell(a.Log.Warnf, "%d lines could not be read, the last because: %v", a.stats.malformed.Load(), err)
}

// Pending is how many bytes wait for Flush.
func (a *Archive) Pending() int { return a.batch.Size() + a.joiner.Size() }

// Flush returns nil when every Tweet that was added is durable. After an error they wait on.
func (a *Archive) Flush() error {
	a.take(a.joiner.Rest())
	return a.FlushWhole()
}

// FlushWhole is Flush without the line that was added last, of which more may come.
func (a *Archive) FlushWhole() error {
	if a.cancel == nil {
		return errClosed
	}
	if a.batch.Len() == 0 {
		return nil
	}
	if n := a.batch.Restored; n > 0 {
		a.stats.restored.Add(int64(n))
		a.trouble.tell(a.Log.Warnf, "%d Tweets came with a time that is not the one of their id, and are stored with it; does a precision round them?", a.stats.restored.Load())
	}
	done := make(chan error, 1)
	a.requests <- request{a.batch, done}
	if err := <-done; err != nil {
		return guard.Error(fmt.Errorf("write to archive: %w", err))
	}
	a.tellParts()
	a.batch = new(archive.Batch)
	return nil
}

// tellParts tells of Tweets that lack the field that is written last, which others have: an output above dropped what was
// too long for it, and all behind that.
func (a *Archive) tellParts() {
	a.ended = a.ended || a.batch.Ended > 0
	n := a.batch.Len() - a.batch.Ended
	if !a.ended || n == 0 {
		return
	}
	a.stats.parts.Add(int64(n))
	a.trouble.tell(a.Log.Warnf, "%d Tweets came without received_at, which others have, and are stored as they came; does influx_max_line_bytes of outputs.execd cut them?", a.stats.parts.Load())
}

// Close finishes the open segments, and gives what waits for the bucket a moment. The rest is taken up by the next Connect.
func (a *Archive) Close() error {
	if a.cancel == nil {
		return nil
	}
	a.cancel()
	a.cancel = nil
	a.wg.Wait()
	sealed := a.writer.SealAll(time.Now())
	ctx, stop := context.WithTimeout(context.Background(), lastUpload)
	defer stop()
	if err := a.writer.Upload(ctx); err != nil {
		a.Log.Warnf("%d bytes wait in the spool for the next start: %v", a.writer.Stats().Waiting, err)
	}
	if err := errors.Join(sealed, a.writer.Close()); err != nil {
		return guard.Error(fmt.Errorf("close archive: %w", err))
	}
	return nil
}

func newArchive() *Archive {
	return &Archive{
		SpoolLimit:       1 << 30,
		SegmentInterval:  config.Duration(2 * time.Minute),
		NonTweets:        refused,
		CompressionLevel: 3,
	}
}

func init() { outputs.Add("decahose_archive", func() telegraf.Output { return newArchive() }) }
