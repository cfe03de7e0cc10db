package decahose

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/release"
)

const (
	// backfillTweets is what a backfill of five minutes brings at once.
	backfillTweets = 180_000
	// peakRate is what a stream of 600 Tweets a second needs, with its peaks.
	peakRate = 1000
)

// deliveryNotes are what the operator should know of the options of delivery at the start: none of it is wrong for
// certain. After checkHost.
func (d *Decahose) deliveryNotes() []core.Note {
	var notes notes
	if d.acknowledged() {
		d.noteUndelivered(&notes)
	}
	switch {
	case d.Delivery == "acknowledged":
		d.notePush(&notes)
	case d.hosted():
		d.noteStdout(&notes)
	}
	d.noteFeedback(&notes)
	d.noteURLs(&notes)
	d.noteCredentials(&notes)
	d.noteNUL(&notes)
	return notes
}

// notes is a list that grows by a line when something holds.
type notes []core.Note

func (n *notes) warn(when bool, format string, values ...any) { n.add(when, core.Warn, format, values) }

func (n *notes) add(when bool, level core.Level, format string, values []any) {
	if when {
		*n = append(*n, core.Note{Level: level, Text: fmt.Sprintf(format, values...)})
	}
}

// noteURLs tells of a rehearsal that asks the real X for what is missing, with the login of the simulator.
func (d *Decahose) noteURLs(n *notes) {
	name, past := "replay_url", d.ReplayURL
	if d.Recovery == "recovery" {
		name, past = "recovery_url", d.RecoveryURL
	}
	n.warn(d.Recovery != "none" && loopbackURL(d.StreamURL) && !loopbackURL(past),
		"stream_url is %s and %s is %s: what is missing there is asked of another X; the simulator prints all its URLs", d.StreamURL, name, past)
}

// noteNUL tells of a store that cannot hold what is sent to it: outputs.postgresql drops a batch with a NUL in it, and
// reports it as written.
func (d *Decahose) noteNUL(n *notes) {
	postgres := slices.ContainsFunc(d.Audits, func(a *Audit) bool { return a.Type == "postgresql" })
	n.warn(postgres && d.NUL == "keep" && d.Tweets != "none",
		`nul is "keep", and an audit says that Tweets go to PostgreSQL, which cannot hold NUL and loses the whole batch to one: set nul = "space", unless Telegraf replaces it`)
}

func loopbackURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && loopback.Host(u.Hostname())
}

// noteUndelivered compares with Telegraf's own defaults where we are told nothing.
func (d *Decahose) noteUndelivered(n *notes) {
	n.warn(d.MetricBatchSize == 0 && d.MaxUndelivered < usualBatchSize,
		`max_undelivered is %d, less than Telegraf's default metric_batch_size of %d: outputs write at each flush_interval only; if yours is smaller, set "metric_batch_size" here`,
		d.MaxUndelivered, usualBatchSize)
	n.warn(d.MetricBufferLimit == 0 && d.MaxUndelivered >= usualBufferLimit,
		`max_undelivered is %d, not less than Telegraf's default metric_buffer_limit of %d: outputs drop what does not fit, and it is sent again; if yours is larger, set "metric_buffer_limit" here`,
		d.MaxUndelivered, usualBufferLimit)
}

func (d *Decahose) notePush(n *notes) {
	p := &d.Push
	under := p.Batch * p.Concurrency
	n.warn(under > d.MaxUndelivered, "push.batch × push.concurrency is %d, more than max_undelivered: only %d of %d requests run at once",
		under, d.MaxUndelivered/p.Batch, p.Concurrency)
	batch := cmp.Or(d.MetricBatchSize, usualBatchSize)
	n.warn(under < batch, "push.batch × push.concurrency is %d, less than metric_batch_size (%d): outputs write at each flush_interval only, so %d Tweets in %v at most",
		under, batch, under, d.flushInterval())
	n.warn(time.Duration(p.Timeout) <= d.flushInterval(), "push.timeout is %v, not more than flush_interval (%v): requests end before the outputs answer",
		time.Duration(p.Timeout), d.flushInterval())
	n.add(!p.hasToken() && p.local(), core.Info, "push.token is not set: every process of this host can post to %s", []any{p.URL})
}

func (d *Decahose) noteStdout(n *notes) {
	rate, limit, flush := d.EmitRateLimit, d.MetricBufferLimit, d.flushInterval()
	n.warn(rate > 0 && rate < peakRate, "emit_rate_limit is %d: a stream of 600 Tweets a second with its peaks needs %d", rate, peakRate)
	n.warn(rate > 0 && limit > 0 && float64(rate)*flush.Seconds() > float64(limit),
		"emit_rate_limit of %d in a flush_interval of %v is more than metric_buffer_limit, %d: it cannot hold what comes between two flushes after one failed",
		rate, flush, limit)
	n.warn(rate == 0 && limit > 0 && limit < backfillTweets && d.Feedback == nil,
		"metric_buffer_limit is %d: a backfill of 5 minutes (about %d Tweets) can overrun it; set emit_rate_limit or feedback, or a larger limit",
		limit, backfillTweets)
}

func (d *Decahose) noteFeedback(n *notes) {
	f := d.Feedback
	if f == nil {
		return
	}
	host, _, _ := net.SplitHostPort(f.Listen)
	n.warn(d.acknowledged(), "feedback has no effect: outputs acknowledge Tweets themselves")
	n.warn(!loopback.Host(host), "feedback.listen is %s: the token travels in clear", f.Listen)
	n.add(!f.hasToken() && loopback.Host(host), core.Info, "feedback.token is not set: every process of this host can pause the stream", nil)
}

func (d *Decahose) flushInterval() time.Duration {
	return cmp.Or(time.Duration(d.FlushInterval), usualFlushInterval)
}

// startLine says what begins: whoever reads the log sees which version runs, of what, and how it delivers.
func (d *Decahose) startLine() string {
	return fmt.Sprintf("telegraf-decahose %s: stream %s %q, partitions %v, connections to each %d, recovery %q, delivery %q, archives %d, audits %d; state in %s",
		release.Version(), d.Stream, d.StreamLabel, d.Partitions, d.Connections, d.Recovery, d.Delivery,
		len(d.Archives), len(d.Audits), d.StateDirectory)
}
