package decahose

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// Horizons and jobs of the two ways to get old minutes: X keeps five days for Replay and a day
// for Recovery, and allows one and two requests at once.
const (
	replayHorizon   = 120 * time.Hour
	recoveryHorizon = 24 * time.Hour
)

// unset marks an option whose default depends on another one; no one writes it, unlike 0.
const unset = math.MinInt32

func (d *Decahose) setDependentDefaults() {
	horizon, jobs := replayHorizon, 1
	if d.Recovery == "recovery" {
		horizon, jobs = recoveryHorizon, 2
	}
	if d.RecoveryHorizon == unset {
		d.RecoveryHorizon = config.Duration(horizon)
	}
	if d.RecoveryJobs == unset {
		d.RecoveryJobs = jobs
	}
	if d.StateDirectory == "" {
		d.StateDirectory = option.StateDirectory()
	}
	if d.TweetFields == nil {
		d.TweetFields = encode.DefaultFields()
	}
	d.setArchiveDefaults()
	d.setDeliveryDefaults()
	d.setAuditDefaults()
}

func (d *Decahose) validate() error {
	checks := []func() error{
		d.checkStream, d.checkCredentials, d.checkURLs, d.checkTimes, d.checkLimits,
		d.checkRecovery, d.checkArchives, d.checkState, d.checkTweets, d.checkRoutes, d.checkTLS, d.checkDelivery, d.checkAudits, d.checkDebug,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decahose) checkStream() error {
	if err := checkName("account", d.Account); err != nil {
		return err
	}
	if err := checkName("stream_label", d.StreamLabel); err != nil {
		return err
	}
	if err := oneOf("stream", d.Stream, "sample10", "firehose"); err != nil {
		return err
	}
	if err := inRange("connections", d.Connections, 1, 4); err != nil {
		return err
	}
	return d.checkPartitions()
}

// checkName refuses what cannot be part of a URL's path or of a line protocol tag.
func checkName(field, name string) error {
	switch {
	case name == "":
		return option.Wrong(field, "", "set: it is part of the stream's URL")
	case !redact.Printable(name), strings.Contains(name, `\`):
		return option.Bad(field, name, `printable text without a backslash`)
	case name == "." || name == "..":
		return option.Bad(field, name, "a name")
	}
	return nil
}

func (d *Decahose) checkPartitions() error {
	highest, allowed := MaxPartition, fmt.Sprintf("distinct numbers from 1 to %d", MaxPartition)
	if d.Stream == "sample10" {
		highest, allowed = 2, "one or both of 1 and 2 (stream sample10 has two partitions)"
	}
	sorted := slices.Sorted(slices.Values(d.Partitions))
	if len(sorted) == 0 || sorted[0] < 1 || sorted[len(sorted)-1] > highest || len(slices.Compact(sorted)) != len(d.Partitions) {
		return option.Bad("partitions", d.Partitions, allowed)
	}
	return nil
}

// MaxPartition bounds partitions of a stream whose number X does not publish.
const MaxPartition = 64

func (d *Decahose) checkURLs() error {
	for _, o := range []struct{ option, raw string }{
		{"stream_url", d.StreamURL}, {"replay_url", d.ReplayURL}, {"recovery_url", d.RecoveryURL},
	} {
		if err := checkBaseURL(o.option, o.raw); err != nil {
			return err
		}
	}
	return nil
}

const allowedURL = "https://HOST, or http://HOST for a loopback address (credentials would travel in clear), without user, query and fragment"

// checkBaseURL does not show the URL: where it is wrong, nobody knows which part of it is a password.
func checkBaseURL(field, raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return option.Wrong(field, "", allowedURL)
	}
	extra := u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != ""
	if !loopback.Carries(u) || extra || u.Hostname() == "" {
		return option.Wrong(field, "", allowedURL)
	}
	return nil
}

func (d *Decahose) checkTimes() error {
	return withinAll([]bounds{
		{"connect_timeout", d.ConnectTimeout, 1, time.Hour},
		{"heartbeat_timeout", d.HeartbeatTimeout, 0, day},
		{"silence_timeout", d.SilenceTimeout, 0, day},
		{"connect_limit_period", d.ConnectLimitPeriod, 1, day},
		{"recovery_window", d.RecoveryWindow, time.Minute, longest},
		{"recovery_delay", d.RecoveryDelay, 0, longest},
		{"recovery_horizon", d.RecoveryHorizon, 1, longest},
		{"recovery_limit_period", d.RecoveryLimitPeriod, 1, day},
		{"dedup_window", d.DedupWindow, 1, longest},
	})
}

const (
	day = 24 * time.Hour
	// longest is beyond what X keeps, and what ids are worth being kept for.
	longest = 30 * day
)

// bounds are the least and most of a time, both allowed. Least of a nanosecond means more than 0: small values are for
// rehearsals.
type bounds struct {
	option      string
	value       config.Duration
	least, most time.Duration
}

func withinAll(all []bounds) error {
	for _, o := range all {
		if v := time.Duration(o.value); v >= o.least && v <= o.most {
			continue
		}
		if o.least == 1 {
			return option.Bad(o.option, o.value, "a time of more than 0s, up to "+hours(o.most))
		}
		return option.Bad(o.option, o.value, fmt.Sprintf("a time from %s to %s", hours(o.least), hours(o.most)))
	}
	return nil
}

// hours is a limit as users write it: 720h, 1m.
func hours(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "0s")
	if text == "" {
		return "0s"
	}
	if trimmed, ok := strings.CutSuffix(text, "h0m"); ok {
		return trimmed + "h"
	}
	return text
}

func (d *Decahose) checkLimits() error {
	if err := inRange("connect_limit", d.ConnectLimit, 1, 10000); err != nil {
		return err
	}
	if v := d.VolumeFalseAlarms; !(v == 0 || v >= 1e-6 && v <= 100) { // NaN too
		return option.Bad("volume_false_alarms", v, "0, or a number a day from 0.000001 to 100")
	}
	if d.RecordLimit < 1024 || d.RecordLimit > 1<<30 {
		return option.Bad("record_limit", int64(d.RecordLimit), "a size from 1KiB to 1GiB")
	}
	return nil
}

func (d *Decahose) checkRecovery() error {
	if err := oneOf("backfill", d.Backfill, "auto", "always", "none"); err != nil {
		return err
	}
	if err := oneOf("recovery", d.Recovery, "replay", "recovery", "none"); err != nil {
		return err
	}
	if err := inRange("recovery_jobs", d.RecoveryJobs, 1, 10); err != nil {
		return err
	}
	if err := inRange("recovery_limit", d.RecoveryLimit, 1, 10000); err != nil {
		return err
	}
	p := d.RecoveryParameters
	if len(p) != 2 || p[0] == "" || p[1] == "" || p[0] == p[1] {
		return option.Bad("recovery_parameters", p, `two names, such as ["startTime", "endTime"]`)
	}
	return nil
}

func (d *Decahose) checkTweets() error {
	if err := oneOf("tweets", d.Tweets, "fields", "raw", "none"); err != nil {
		return err
	}
	for _, o := range []struct{ option, value string }{{"newline", d.Newline}, {"nul", d.NUL}} {
		if err := oneOf(o.option, o.value, "keep", "space", "escape"); err != nil {
			return err
		}
	}
	if err := subset("tweet_tags", d.TweetTags, encode.AllTags()); err != nil {
		return err
	}
	allowed := slices.DeleteFunc(encode.AllFields(), func(f string) bool { return f == rawField })
	if len(d.TweetFields) == 0 {
		return option.Bad("tweet_fields", d.TweetFields, "at least one of "+list(allowed))
	}
	return subset("tweet_fields", d.TweetFields, allowed)
}

func oneOf(field, value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return option.Bad(field, value, "one of "+list(allowed))
	}
	return nil
}

func inRange(field string, value, low, high int) error {
	if value < low || value > high {
		return option.Bad(field, value, fmt.Sprintf("a number from %d to %d", low, high))
	}
	return nil
}

// subset wants distinct members of allowed.
func subset(field string, values, allowed []string) error {
	seen := map[string]bool{}
	for _, v := range values {
		if seen[v] || !slices.Contains(allowed, v) {
			return option.Bad(field, v, "some of "+list(allowed)+", each once")
		}
		seen[v] = true
	}
	return nil
}

func list(values []string) string { return `"` + strings.Join(values, `", "`) + `"` }

func (d *Decahose) backfill() core.Backfill {
	switch d.Backfill {
	case "always":
		return core.BackfillAlways
	case "none":
		return core.BackfillNone
	}
	return core.BackfillAuto
}

func (d *Decahose) tweets() core.Tweets {
	switch d.Tweets {
	case "raw":
		return core.TweetsRaw
	case "none":
		return core.TweetsNone
	}
	return core.TweetsFields
}
