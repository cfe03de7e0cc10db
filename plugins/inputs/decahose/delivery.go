package decahose

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"strconv"
	"time"

	"github.com/influxdata/telegraf/config"
	commontls "github.com/influxdata/telegraf/plugins/common/tls"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
	"github.com/decahose/telegraf-decahose/internal/output/pubsub"
	"github.com/decahose/telegraf-decahose/plugins/latest"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// Push is the table [inputs.decahose.push]: how Tweets reach the input cloud_pubsub_push of a Telegraf. It is used
// with delivery = "acknowledged" only.
type Push struct {
	URL         string          `toml:"url"`
	Token       config.Secret   `toml:"token"`
	TokenFile   string          `toml:"token_file"`
	Batch       int             `toml:"batch"`
	User        string          `toml:"user"`
	Concurrency int             `toml:"concurrency"`
	Timeout     config.Duration `toml:"timeout"`

	commontls.ClientConfig

	kept *latest.Values // set by Init
}

func newPush() Push {
	return Push{
		URL:         "http://127.0.0.1:9186/decahose",
		Batch:       app.PushBatch,
		Concurrency: app.PushConcurrency,
		Timeout:     config.Duration(app.PushTimeout),
	}
}

// Feedback is the table [inputs.decahose.feedback]: where Telegraf sends its internal_write. Without the table nothing
// listens.
type Feedback struct {
	Listen    string        `toml:"listen"`
	Token     config.Secret `toml:"token"`
	TokenFile string        `toml:"token_file"`
	User      string        `toml:"user"`

	kept *latest.Values // set by Init
}

const defaultListen = "127.0.0.1:9187"

// Defaults of the Telegraf that runs us, where we are not told.
const (
	usualBatchSize     = 1000
	usualBufferLimit   = 10_000
	usualFlushInterval = 10 * time.Second
)

// setDeliveryDefaults moves the old name of max_undelivered to the new one, where only the old one is set.
func (d *Decahose) setDeliveryDefaults() {
	if d.MaxUndelivered == unset && d.MaxUndeliveredMessages != 0 {
		d.MaxUndelivered, d.MaxUndeliveredMessages = d.MaxUndeliveredMessages, 0
	}
	if d.MaxUndelivered == unset {
		d.MaxUndelivered = app.MaxUndelivered
	}
	if d.Feedback != nil && d.Feedback.Listen == "" {
		d.Feedback.Listen = defaultListen
	}
}

func (d *Decahose) checkDelivery() error {
	if err := oneOf("delivery", d.Delivery, "auto", "acknowledged", "stdout", "tracked"); err != nil {
		return err
	}
	if d.MaxUndeliveredMessages != 0 {
		return option.Bad("max_undelivered_messages", d.MaxUndeliveredMessages, `absent when "max_undelivered" is set, whose old name it is`)
	}
	for _, check := range []func() error{d.checkAmounts, d.checkPush, d.checkFeedback} {
		if err := check(); err != nil {
			return err
		}
	}
	if d.Delivery == "acknowledged" || d.Delivery == "tracked" {
		return d.checkUndelivered()
	}
	return nil
}

// checkHost wants an option delivery that can be had from who runs us, which is known at Start.
func (d *Decahose) checkHost() error {
	switch {
	case d.Delivery == "stdout" && !d.hosted():
		return option.Bad("delivery", d.Delivery, `"auto", "tracked" or "acknowledged" in a Telegraf with the plugin compiled in`)
	case d.Delivery == "tracked" && d.hosted():
		return option.Bad("delivery", d.Delivery, `"auto", "stdout" or "acknowledged" under inputs.execd, where nothing is tracked`)
	case d.acknowledges() && d.hosted() && d.Host.Writer == nil:
		return option.Bad("delivery", d.Delivery, "used without tags, filters and the like in this file: they belong into Telegraf's own configuration")
	case d.acknowledged():
		return d.checkUndelivered()
	}
	return nil
}

func (d *Decahose) checkAmounts() error {
	for _, o := range []struct {
		option           string
		value, low, high int
	}{
		{"max_undelivered", d.MaxUndelivered, 1, 10_000_000},
		{"emit_rate_limit", d.EmitRateLimit, 0, 10_000_000},
		{"metric_batch_size", d.MetricBatchSize, 0, 1_000_000_000},
		{"metric_buffer_limit", d.MetricBufferLimit, 0, 1_000_000_000},
	} {
		if err := inRange(o.option, o.value, o.low, o.high); err != nil {
			return err
		}
	}
	if err := withinAll([]bounds{{"flush_interval", d.FlushInterval, 0, day}}); err != nil {
		return err
	}
	if d.SpoolLimit != 0 && (d.SpoolLimit < 1<<20 || d.SpoolLimit > 1<<50) {
		return option.Bad("spool_limit", int64(d.SpoolLimit), "0 for no spool, or a size from 1MiB to 1PiB")
	}
	return nil
}

// checkUndelivered compares max_undelivered with what we are told of the Telegraf: below a batch outputs write at each
// flush_interval only, and what does not fit the buffer is dropped, and sent again for ever.
func (d *Decahose) checkUndelivered() error {
	switch n := d.MaxUndelivered; {
	case n < d.MetricBatchSize:
		return option.Bad("max_undelivered", n, fmt.Sprintf(`at least "metric_batch_size", %d: outputs would wait for a full batch`, d.MetricBatchSize))
	case d.MetricBufferLimit > 0 && n >= d.MetricBufferLimit:
		return option.Bad("max_undelivered", n, fmt.Sprintf(`less than "metric_buffer_limit", %d: outputs would drop what does not fit`, d.MetricBufferLimit))
	}
	return nil
}

// checkPush checks what acknowledged delivery needs; the table may stand there unused.
func (d *Decahose) checkPush() error {
	if d.Delivery != "acknowledged" {
		return nil
	}
	p := &d.Push
	if err := pubsub.CheckURL(p.URL); err != nil {
		return option.Wrong("push.url", "", allowedPush)
	}
	if err := checkToken(p.credential()); err != nil {
		return err
	}
	if err := checkUser("push.user", p.User); err != nil {
		return err
	}
	if !p.hasToken() && p.TLSCert == "" && !p.local() {
		return option.Wrong("push.token", "", `set, here or by "push.token_file", when push.url is not on this host`)
	}
	if err := inRange("push.batch", p.Batch, 1, 100_000); err != nil {
		return err
	}
	if p.Batch > d.MaxUndelivered {
		return option.Bad("push.batch", p.Batch, fmt.Sprintf(`at most "max_undelivered", %d`, d.MaxUndelivered))
	}
	if err := inRange("push.concurrency", p.Concurrency, 1, 1000); err != nil {
		return err
	}
	if err := withinAll([]bounds{{"push.timeout", p.Timeout, 1, time.Hour}}); err != nil {
		return err
	}
	return p.tlsOptions().check()
}

const allowedPush = "https://HOST:PORT/PATH, or http://HOST:PORT/PATH for a loopback address (Tweets and token would travel in clear), without user, query and fragment"

// TLSConfig bears the options of the table, see Decahose.TLSConfig.
func (p *Push) TLSConfig() (*tls.Config, error) { return p.tlsOptions().config() }

func (p *Push) tlsOptions() tlsOptions {
	return tlsOptions{&p.ClientConfig, "push.", "push.url", p.URL}
}

// local reports whether the URL leads to this host.
func (p *Push) local() bool {
	u, err := url.Parse(p.URL)
	return err == nil && loopback.Host(u.Hostname())
}

func (p *Push) credential() credential {
	return credential{"push.token", &p.Token, p.TokenFile, "", p.kept}
}

func (p *Push) hasToken() bool { return !p.Token.Empty() || p.TokenFile != "" }

// token is read anew for each request. Its errors name the option, never the value.
func (p *Push) token() (string, error) { return readToken(p.credential()) }

func (f *Feedback) credential() credential {
	return credential{"feedback.token", &f.Token, f.TokenFile, "", f.kept}
}

func (f *Feedback) hasToken() bool { return !f.Token.Empty() || f.TokenFile != "" }

func (f *Feedback) token() (string, error) { return readToken(f.credential()) }

// checkToken checks a credential that may be absent.
func checkToken(c credential) error {
	if c.secret.Empty() && c.file == "" {
		return nil
	}
	return c.check()
}

// readToken is the token as it is now; empty: there is none.
func readToken(c credential) (string, error) {
	if c.secret.Empty() && c.file == "" {
		return "", nil
	}
	t, err := c.read()
	if err != nil {
		return "", fmt.Errorf("read %s: %s", c.option, reason(err))
	}
	return t, nil
}

const allowedListen = "HOST:PORT, such as \"" + defaultListen + "\""

func (d *Decahose) checkFeedback() error {
	f := d.Feedback
	if f == nil {
		return nil
	}
	host, port, err := net.SplitHostPort(f.Listen)
	if err != nil || port == "" {
		return option.Bad("feedback.listen", f.Listen, allowedListen)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return option.Bad("feedback.listen", f.Listen, allowedListen)
	}
	if err := checkToken(f.credential()); err != nil {
		return err
	}
	switch {
	case !loopback.Host(host) && !f.hasToken():
		return option.Wrong("feedback.token", "", `set, here or by "feedback.token_file", when feedback.listen is not a loopback address`)
	case !f.hasToken() && !loopback.Told():
		return option.Wrong("feedback.token", "", `set, here or by "feedback.token_file", where the platform does not tell who sends`)
	}
	return checkUser("feedback.user", f.User)
}

// checkUser wants a user of this host, if one is set.
func checkUser(field, name string) error {
	if name != "" && trusted(name) == nil {
		return option.Bad(field, name, "the name or number of a user of this host: the one that Telegraf runs as")
	}
	return nil
}

// trusted is the number of the user, by whose processes this one is talked to besides its own user's and root's.
func trusted(name string) []int {
	if u, err := user.Lookup(name); err == nil {
		name = u.Uid
	}
	if n, err := strconv.Atoi(name); err == nil {
		return []int{n}
	}
	return nil
}
