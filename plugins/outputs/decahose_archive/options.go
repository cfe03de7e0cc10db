package decahose_archive

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// What becomes of metrics that are no Tweets.
const (
	refused = "refuse"
	passed  = "pass"
)

// longestAge is a hundred years.
const longestAge = 100 * 365 * 24 * time.Hour

func (a *Archive) validate() error {
	if err := archive.ParseURL(a.URL); err != nil {
		return option.Wrong("url", "", strings.TrimPrefix(err.Error(), "must be "))
	}
	if err := a.checkSpool(); err != nil {
		return err
	}
	switch {
	case a.SegmentInterval < config.Duration(time.Second) || a.SegmentInterval > config.Duration(time.Hour):
		return option.Bad("segment_interval", time.Duration(a.SegmentInterval).String(), "a time from 1s to 1h")
	case a.RetentionAge < 0 || a.RetentionAge > config.Duration(longestAge):
		return option.Bad("retention_age", time.Duration(a.RetentionAge).String(), "a time from 0s to 876000h")
	case a.RetentionSize < 0 || a.RetentionSize > 1<<60:
		return option.Bad("retention_size", int64(a.RetentionSize), "a size from 0 to 1EiB")
	case a.NonTweets != refused && a.NonTweets != passed:
		return option.Bad("non_tweets", a.NonTweets, `one of "refuse", "pass"`)
	case a.CompressionLevel < 1 || a.CompressionLevel > 19:
		return option.Bad("compression_level", a.CompressionLevel, "a number from 1 to 19")
	case a.AccessKey.Empty() != a.SecretKey.Empty():
		return option.Wrong("secret_key", "", `set when "access_key" is, and only then`)
	case !a.SessionToken.Empty() && a.AccessKey.Empty():
		return option.Wrong("session_token", "", `absent when "access_key" is not set`)
	}
	return nil
}

// checkSpool gives the spool its default: beside the segments, or in the state's directory where those go to a bucket.
func (a *Archive) checkSpool() error {
	if a.SpoolLimit < 1<<20 || a.SpoolLimit > 1<<50 {
		return option.Bad("spool_limit", int64(a.SpoolLimit), "a size from 1MiB to 1PiB")
	}
	if a.SpoolDirectory != "" {
		return nil
	}
	if dir := archive.Directory(a.URL); dir != "" {
		a.SpoolDirectory = archive.Spool(dir)
		return nil
	}
	a.SpoolDirectory = filepath.Join(option.StateDirectory(), "archive-spool")
	return nil
}

func (a *Archive) writerOptions() (archive.WriterOptions, error) {
	credentials, err := a.Credentials()
	return archive.WriterOptions{Options: credentials, Spool: a.SpoolDirectory, SpoolLimit: int64(a.SpoolLimit),
		Interval: time.Duration(a.SegmentInterval), Level: a.CompressionLevel, OpenLimit: openLimit}, err
}

// Credentials are those of the bucket. The error comes of secrets that cannot be had.
func (a *Archive) Credentials() (archive.Options, error) {
	return option.BucketKeys{Access: &a.AccessKey, Secret: &a.SecretKey, Session: &a.SessionToken}.Archive(readBucketKey)
}

func readBucketKey(name string, secret *config.Secret) (string, error) {
	b, err := secret.Get()
	if err != nil {
		return "", fmt.Errorf("get secret %q: %w", name, err)
	}
	defer b.Destroy()
	value := b.String()
	guard.Remember(value)
	return value, nil
}
