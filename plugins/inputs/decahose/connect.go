package decahose

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/emit"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/stream"
)

const modulePath = "github.com/decahose/telegraf-decahose"

// proxyFunc is http.Transport's; nil: no proxy.
type proxyFunc = func(*http.Request) (*url.URL, error)

// Schema says what becomes of a Tweet; for the host, which builds the sink of EmitTo. After Init.
func (d *Decahose) Schema() *emit.Schema { return d.schema }

// newSchema of the options tweet_tags, tweet_fields, tweets and newline.
func (d *Decahose) newSchema() (*emit.Schema, error) {
	newline, err := emit.ParseNewline(d.Newline)
	if err != nil {
		return nil, err
	}
	fields := d.TweetFields
	if d.Tweets == "raw" {
		fields = append(slices.Clone(fields), rawField)
	}
	return emit.NewSchema(d.StreamLabel, d.TweetTags, fields, newline)
}

// rawField is the record itself; it has an option of its own, because the parser must keep it.
const rawField = "raw"

func (d *Decahose) engineConfig(sink emit.Sink) (engine.Config, error) {
	clients, err := d.clients()
	return engine.Config{
		Core:         d.coreConfig(),
		Clients:      clients,
		URL:          d.url,
		Sink:         sink,
		Listener:     engine.Listener{Note: d.note},
		DrainTimeout: drainTimeout,
	}, err
}

func (d *Decahose) coreConfig() core.Config {
	return core.Config{
		StreamLabel:     d.StreamLabel,
		Partitions:      slices.Clone(d.Partitions),
		Connections:     d.Connections,
		ConnectLimit:    d.ConnectLimit,
		ConnectPeriod:   time.Duration(d.ConnectLimitPeriod),
		Backfill:        d.backfill(),
		DedupWindow:     time.Duration(d.DedupWindow),
		SilenceTimeout:  time.Duration(d.SilenceTimeout),
		RecoveryHorizon: time.Duration(d.RecoveryHorizon),
		Tweets:          d.tweets(),
		Interval:        revisionInterval,
		Seed:            rand.Uint64(),
	}
}

// revisionInterval is the least time between two points of one minute's volume.
const revisionInterval = 10 * time.Second

// url of one connection; account and label come from the user and may hold anything.
func (d *Decahose) url(partition, backfill int) string {
	u := fmt.Sprintf("%s/stream/%s/accounts/%s/publishers/twitter/%s.json?partition=%d",
		strings.TrimRight(d.StreamURL, "/"), d.Stream, url.PathEscape(d.Account), url.PathEscape(d.StreamLabel), partition)
	if backfill > 0 {
		u += fmt.Sprintf("&backfillMinutes=%d", backfill)
	}
	return u
}

// clients returns one client per route, at least one.
func (d *Decahose) clients() ([]*stream.Client, error) {
	tlsConfig, err := d.TLSConfig()
	if err != nil {
		return nil, err
	}
	proxy, err := d.Proxy()
	if err != nil {
		return nil, err
	}
	routes := d.Routes
	if len(routes) == 0 {
		routes = []Route{{}}
	}
	clients := make([]*stream.Client, 0, len(routes))
	for _, r := range routes {
		o, err := d.streamOptions(tlsConfig, proxy, r)
		if err != nil {
			return nil, err
		}
		clients = append(clients, stream.NewClient(o))
	}
	return clients, nil
}

// streamOptions of one route; what the route leaves open comes from the input.
func (d *Decahose) streamOptions(t *tls.Config, proxy proxyFunc, r Route) (stream.Options, error) {
	o := stream.Options{
		Credentials:      d.credentials,
		UserAgent:        "telegraf-decahose/" + version(),
		TLS:              t,
		Proxy:            proxy,
		ConnectTimeout:   time.Duration(d.ConnectTimeout),
		HeartbeatTimeout: time.Duration(d.HeartbeatTimeout),
		SilenceTimeout:   time.Duration(d.SilenceTimeout),
		RecordLimit:      int(d.RecordLimit),
	}
	if r.LocalAddress != "" {
		o.LocalAddr = &net.TCPAddr{IP: net.ParseIP(r.LocalAddress)}
	}
	if r.HTTPProxyURL != "" {
		u, err := parseProxy(r.HTTPProxyURL)
		if err != nil {
			return o, err
		}
		o.Proxy = http.ProxyURL(u)
	}
	return o, nil
}

const allowedProxy = "http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT"

// parseProxy keeps the URL out of its errors where it may hold a password.
func parseProxy(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &OptionError{"http_proxy_url", "", allowedProxy}
	}
	if !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) || u.Hostname() == "" {
		return nil, bad("http_proxy_url", redacted(u), allowedProxy)
	}
	return u, nil
}

func (d *Decahose) checkRoutes() error {
	if d.HTTPProxyURL != "" {
		if _, err := parseProxy(d.HTTPProxyURL); err != nil {
			return err
		}
	}
	for _, r := range d.Routes {
		if r.LocalAddress != "" && net.ParseIP(r.LocalAddress) == nil {
			return bad("local_address", r.LocalAddress, "an IP address of this host")
		}
		if r.HTTPProxyURL == "" {
			continue
		}
		if _, err := parseProxy(r.HTTPProxyURL); err != nil {
			return err
		}
	}
	return nil
}

// sayUnused names, in one line, the options that are read and checked but do nothing yet.
func (d *Decahose) sayUnused() {
	d.Log.Info("These options are accepted and validated but have no effect yet: replay_url, recovery_url, recovery, " +
		"recovery_window, recovery_delay, recovery_jobs, recovery_partition, recovery_parameters, recovery_limit, " +
		"recovery_limit_period, state_directory")
}

// version of this module, wherever it is built in; "unknown" in tests.
func version() string {
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(bi.Deps, &bi.Main) {
		if m.Path == modulePath && m.Version != "" {
			return strings.Trim(m.Version, "()")
		}
	}
	return "unknown"
}
