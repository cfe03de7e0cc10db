package decahose

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/telegraf/config"
	commontls "github.com/influxdata/telegraf/plugins/common/tls"

	"github.com/decahose/telegraf-decahose/internal/audit"
	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/plugins/latest"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// Audit is a table [[inputs.decahose.audit]]: a final store that is compared with the ledger.
type Audit struct {
	Name       string `toml:"name"`
	Type       string `toml:"type"`
	Table      string `toml:"table"`
	CountQuery string `toml:"count_query"`
	IDsQuery   string `toml:"ids_query"`

	DSN     config.Secret `toml:"dsn"`
	DSNFile string        `toml:"dsn_file"`

	URL             string        `toml:"url"`
	Username        string        `toml:"username"`
	Password        config.Secret `toml:"password"`
	PasswordFile    string        `toml:"password_file"`
	Token           config.Secret `toml:"token"`
	TokenFile       string        `toml:"token_file"`
	Database        string        `toml:"database"`
	RetentionPolicy string        `toml:"retention_policy"`
	Organization    string        `toml:"organization"`
	Bucket          string        `toml:"bucket"`

	Files []string `toml:"files"`

	Interval config.Duration `toml:"interval"`
	Settle   config.Duration `toml:"settle"`
	Window   config.Duration `toml:"window"`
	Timeout  config.Duration `toml:"timeout"`
	Repair   bool            `toml:"repair"`

	commontls.ClientConfig

	kept *latest.Values // set by Init; nil: files are read, and not kept
}

// setAuditDefaults fills what is not told. 0 is no useful value of any of these.
func (d *Decahose) setAuditDefaults() {
	for _, a := range d.Audits {
		if a.Name == "" {
			a.Name = a.Type
		}
		if a.Table == "" {
			a.Table = audit.DefaultTable
		}
		for _, o := range []struct {
			value *config.Duration
			usual time.Duration
		}{{&a.Interval, 10 * time.Minute}, {&a.Settle, 10 * time.Minute}, {&a.Window, time.Hour}, {&a.Timeout, time.Minute}} {
			if *o.value == 0 {
				*o.value = config.Duration(o.usual)
			}
		}
	}
}

// InitAudits sets the defaults of the audits and checks them, after InitState. For commands; Init does it itself.
func (d *Decahose) InitAudits() error {
	d.setAuditDefaults()
	return d.checkAudits()
}

func (d *Decahose) checkAudits() error {
	names := map[string]bool{}
	for _, a := range d.Audits {
		if err := a.check(); err != nil {
			return err
		}
		if names[a.Name] {
			return option.Bad("audit.name", a.Name, "different in each audit")
		}
		names[a.Name] = true
		if a.Repair && d.Recovery == "none" {
			return option.Bad("audit.repair", a.Repair, `false with recovery = "none": nobody could be asked for what is missing`)
		}
	}
	return nil
}

func (a *Audit) check() error {
	if err := oneOf("audit.type", a.Type, audit.Types()...); err != nil {
		return err
	}
	if err := checkName("audit.name", a.Name); err != nil {
		return err
	}
	if err := withinAll([]bounds{
		{"audit.interval", a.Interval, time.Second, day}, {"audit.settle", a.Settle, time.Second, longest},
		{"audit.window", a.Window, time.Minute, longest}, {"audit.timeout", a.Timeout, time.Millisecond, time.Hour},
	}); err != nil {
		return err
	}
	if a.IDsQuery != "" && a.CountQuery == "" {
		return option.Wrong("audit.count_query", "", `set when "audit.ids_query" is`)
	}
	return a.checkPlace()
}

// checkPlace checks where the store is.
func (a *Audit) checkPlace() error {
	switch a.Type {
	case "postgresql", "mysql", "sqlite":
		if err := a.dsn().check(); err != nil {
			return err
		}
		return a.tlsOptions().check()
	case "file":
		if len(a.Files) == 0 {
			return option.Bad("audit.files", a.Files, "one or more names or patterns of files of line protocol")
		}
		return nil
	}
	needed := map[string][][2]string{
		"influxdb":    {{"audit.database", a.Database}},
		"influxdb_v2": {{"audit.organization", a.Organization}, {"audit.bucket", a.Bucket}},
		"influxdb_v3": {{"audit.database", a.Database}},
	}
	for _, o := range needed[a.Type] {
		if o[1] == "" {
			return option.Wrong(o[0], "", "set for type "+strconv.Quote(a.Type))
		}
	}
	for _, c := range []credential{a.password(), a.token()} {
		if err := checkToken(c); err != nil {
			return err
		}
	}
	if err := a.tlsOptions().check(); err != nil {
		return err
	}
	return a.checkURL()
}

const allowedStore = "https://HOST:PORT, or http://HOST:PORT for a loopback address or without credentials (they would travel in clear), without user, query and fragment"

func (a *Audit) checkURL() error {
	u, err := url.Parse(a.URL)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return option.Wrong("audit.url", "", allowedStore)
	}
	open := a.Username == "" && !a.token().given() && !a.password().given()
	switch {
	case !loopback.Carries(u) && !(open && u.Scheme == "http"):
		return option.Wrong("audit.url", "", allowedStore)
	case u.Scheme == "http" && a.wantsTLS():
		return option.Wrong("audit.url", "", "https://HOST:PORT, since an option of TLS is set")
	}
	return nil
}

func (a *Audit) tlsOptions() tlsOptions {
	return tlsOptions{&a.ClientConfig, "audit.", "audit.url", a.URL}
}

func (a *Audit) dsn() credential {
	return credential{"audit.dsn", &a.DSN, a.DSNFile, "", a.kept}
}

func (a *Audit) password() credential {
	return credential{"audit.password", &a.Password, a.PasswordFile, "", a.kept}
}

func (a *Audit) token() credential {
	return credential{"audit.token", &a.Token, a.TokenFile, "", a.kept}
}

func (c credential) given() bool { return !c.secret.Empty() || c.file != "" }

// Open makes ready to ask the store. Credentials are read anew each time.
func (a *Audit) Open(ctx context.Context, label string) (audit.Store, error) {
	c := audit.Config{
		Type: a.Type, StreamLabel: label, Table: a.Table, URL: a.URL, Username: a.Username, Database: a.Database,
		RetentionPolicy: a.RetentionPolicy, Organization: a.Organization, Bucket: a.Bucket, Files: a.Files,
		CountQuery: a.CountQuery, IDsQuery: a.IDsQuery, Timeout: time.Duration(a.Timeout),
	}
	for _, o := range []struct {
		credential
		to *string
	}{{a.dsn(), &c.DSN}, {a.password(), &c.Password}, {a.token(), &c.Token}} {
		value, err := readToken(o.credential)
		if err != nil {
			return nil, err
		}
		*o.to = value
	}
	var err error
	if c.TLS, err = a.tlsConfig(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.Timeout))
	defer cancel()
	return audit.Open(ctx, c)
}

// tlsConfig is nil where no option of TLS is set: the DSN of a database may say it.
func (a *Audit) tlsConfig() (*tls.Config, error) {
	if !a.wantsTLS() {
		return nil, nil //nolint:nilnil // none is one of the answers
	}
	return a.tlsOptions().latest(a.kept)
}

// wantsTLS reports whether any option of TLS is set: then the store is asked with TLS, or not at all.
func (a *Audit) wantsTLS() bool {
	t, err := a.ClientConfig.TLSConfig()
	return t != nil || err != nil || a.TLSMinVersion != "" || len(a.TLSCipherSuites) > 0
}

// Ask is what the audit looks at when it is now by the stream's time.
func (a *Audit) Ask(now time.Time) audit.Ask {
	from, to := now.Add(-time.Duration(a.Settle)-time.Duration(a.Window)), now
	return audit.Ask{From: minuteOf(from), To: minuteOf(to) + 1, Settle: time.Duration(a.Settle), Timeout: time.Duration(a.Timeout)}
}

// errors of audits are one line, with the name of the audit before them.
func (a *Audit) fail(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("audit %q: %w", a.Name, err)
}

// AuditNames are those of the configuration.
func (d *Decahose) AuditNames() string {
	var names []string
	for _, a := range d.Audits {
		names = append(names, strconv.Quote(a.Name))
	}
	return strings.Join(names, ", ")
}
