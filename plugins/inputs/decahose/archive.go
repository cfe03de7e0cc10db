package decahose

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// Archive is a table [[inputs.decahose.archive]]: where another site stores the same stream with the output
// decahose_archive. It is only read.
type Archive struct {
	URL          string           `toml:"url"`
	AccessKey    config.Secret    `toml:"access_key"`
	SecretKey    config.Secret    `toml:"secret_key"`
	SessionToken config.Secret    `toml:"session_token"`
	Delay        *config.Duration `toml:"delay"`
	Horizon      config.Duration  `toml:"horizon"`
	Timeout      config.Duration  `toml:"timeout"`
	Trust        bool             `toml:"trust"`

	opened *archive.Archive // from Start to Stop
}

// Defaults of an archive's table. The other site closes a minute's segment some time after the minute.
const (
	archiveDelay   = config.Duration(5 * time.Minute)
	archiveHorizon = config.Duration(120 * time.Hour)
	archiveTimeout = config.Duration(time.Minute)
)

func (d *Decahose) setArchiveDefaults() {
	for _, a := range d.Archives {
		if a.Delay == nil {
			delay := archiveDelay
			a.Delay = &delay
		}
		if a.Horizon == 0 {
			a.Horizon = archiveHorizon
		}
		if a.Timeout == 0 {
			a.Timeout = archiveTimeout
		}
	}
}

const allowedArchive = "a directory, file:///DIRECTORY, or s3://BUCKET/PREFIX, whose endpoint, if one is set, is https:// or a loopback address, without a user"

func (d *Decahose) checkArchives() error {
	seen := map[string]bool{}
	for i, a := range d.Archives {
		if err := a.check(func(option string) string { return fmt.Sprintf("archive[%d].%s", i+1, option) }); err != nil {
			return err
		}
		if seen[a.URL] {
			return option.Wrong(fmt.Sprintf("archive[%d].url", i+1), "", "different in each table")
		}
		seen[a.URL] = true
	}
	return nil
}

// check checks one table, whose options have those names.
func (a *Archive) check(name func(string) string) error {
	switch {
	case a.URL == "":
		return option.Wrong(name("url"), "", allowedArchive)
	case archive.ParseURL(a.URL) != nil:
		return option.Wrong(name("url"), "", allowedArchive)
	case a.AccessKey.Empty() != a.SecretKey.Empty():
		return option.Wrong(name("secret_key"), "", `set when "access_key" is, and only then`)
	case !a.SessionToken.Empty() && a.AccessKey.Empty():
		return option.Wrong(name("session_token"), "", `absent without "access_key"`)
	case a.Horizon < config.Duration(time.Minute) || a.Horizon > archiveHorizon:
		return option.Bad(name("horizon"), a.Horizon, "a time from 1m to 120h: older minutes are not asked for")
	}
	return withinAll([]bounds{{name("delay"), *a.Delay, 0, longest}, {name("timeout"), a.Timeout, 1, time.Hour}})
}

// copies are the archives as the core knows them.
func (d *Decahose) copies() (all []refill.Copy) {
	for _, a := range d.Archives {
		all = append(all, refill.Copy{Name: a.name(), Delay: time.Duration(*a.Delay), Horizon: time.Duration(a.Horizon), Trust: a.Trust})
	}
	return all
}

// name is the URL, which archive.ParseURL took, without its query.
func (a *Archive) name() string {
	u, err := url.Parse(a.URL)
	if err != nil {
		return a.URL // a directory
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// openArchives opens what gaps are filled from. Nothing is read yet.
func (d *Decahose) openArchives(cfg *engine.Config) error {
	for _, a := range d.Archives {
		var err error
		if a.opened, err = a.open(); err != nil {
			return option.Wrong("archive.url", "", "an archive that can be opened: "+err.Error())
		}
		cfg.Archives = append(cfg.Archives, engine.Archive{Source: a.opened, Schema: d.schema, Timeout: time.Duration(a.Timeout)})
	}
	return nil
}

// open reads nothing of the archive yet.
func (a *Archive) open() (*archive.Archive, error) {
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	return archive.Open(a.URL, o)
}

// CheckArchives proves that the archives can be read: it looks for the minutes of the last hour. After Init.
func (d *Decahose) CheckArchives(ctx context.Context) error {
	for _, a := range d.Archives {
		if err := a.look(ctx, d.StreamLabel); err != nil {
			return fmt.Errorf("read archive %s: %w", a.name(), err)
		}
	}
	return nil
}

func (a *Archive) look(ctx context.Context, label string) (err error) {
	opened, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	now := timeline.MinuteOf(time.Now().UnixMilli())
	if _, err = opened.Minutes(ctx, label, now-60, now+1); errors.Is(err, archive.ErrDamaged) {
		return nil // what is damaged is not read, and does not hinder the rest
	}
	return err
}

func (d *Decahose) closeArchives() {
	for _, a := range d.Archives {
		if a.opened == nil {
			continue
		}
		if err := a.opened.Close(); err != nil {
			d.Log.Errorf("Stream %s: close archive %s: %v", d.StreamLabel, a.name(), err)
		}
		a.opened = nil
	}
}

// options are the credentials. An error, which names the option and never the value, comes of keys that cannot be read.
func (a *Archive) options() (archive.Options, error) {
	return option.BucketKeys{Access: &a.AccessKey, Secret: &a.SecretKey, Session: &a.SessionToken}.Archive(readBucketKey)
}

func readBucketKey(name string, secret *config.Secret) (string, error) {
	value, err := credential{option: name, secret: secret}.read()
	if err != nil {
		return "", fmt.Errorf("read archive.%s: %w", name, err)
	}
	return value, nil
}

// Ways are all the ways in which missing minutes are had. After Init or InitState.
func (d *Decahose) Ways() refill.Ways {
	w := refill.Ways{Archives: d.copies(), Rules: d.RecoveryRules()}
	if d.Backfill != "none" {
		w.Backfill = xapi.MaxBackfill
	}
	return w
}
