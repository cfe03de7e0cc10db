package decahose

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/release"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// proxyFunc is http.Transport's; nil: no proxy.
type proxyFunc = func(*http.Request) (*url.URL, error)

// newSchema of the options tweet_tags, tweet_fields, tweets, newline and nul, for Tweets under a label.
func (d *Decahose) newSchema(label string) (*encode.Schema, error) {
	newline, err := encode.ParseNewline(d.Newline)
	if err != nil {
		return nil, err
	}
	nul, err := encode.ParseNewline(d.NUL)
	if err != nil {
		return nil, err
	}
	fields := d.TweetFields
	if d.Tweets == "raw" {
		fields = append(slices.Clone(fields), rawField)
	}
	schema, err := encode.NewSchema(label, d.TweetTags, fields, newline)
	if err != nil {
		return nil, err
	}
	return schema.WithNUL(nul), nil
}

// rawField is the record itself; it has an option of its own, because the parser must keep it.
const rawField = "raw"

func (d *Decahose) engineConfig() (engine.Config, error) {
	clients, requesters, err := d.clients()
	return engine.Config{
		Core:         d.coreConfig(),
		Clients:      clients,
		URL:          d.url,
		Listener:     engine.Listener{Note: d.note},
		DrainTimeout: drainTimeout,
		Requesters:   requesters,
		RequestURL:   d.requestURL,
		Now:          steady(),
	}, err
}

func (d *Decahose) coreConfig() core.Config {
	return core.Config{
		StreamLabel:    d.StreamLabel,
		Version:        release.Version(),
		Partitions:     slices.Clone(d.Partitions),
		Connections:    d.Connections,
		ConnectLimit:   d.ConnectLimit,
		ConnectPeriod:  time.Duration(d.ConnectLimitPeriod),
		ConnectTimeout: time.Duration(d.ConnectTimeout),
		Backfill:       d.backfill(),
		DedupWindow:    time.Duration(d.DedupWindow),
		SilenceTimeout: time.Duration(d.SilenceTimeout),
		Recovery:       d.RecoveryRules(),
		RecoveryHost:   d.recoveryHost(),
		Archives:       d.copies(),
		Tweets:         d.tweets(),
		Interval:       revisionInterval,
		Seed:           rand.Uint64(),
		FalseAlarms:    d.VolumeFalseAlarms,
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

// requestURL of one request to Replay or Recovery.
func (d *Decahose) requestURL(q refill.Request) string {
	base, kind := d.recoveryBase()
	return fmt.Sprintf("%s/%s/%s/accounts/%s/publishers/twitter/%s.json?%s", strings.TrimRight(base, "/"), kind, d.Stream,
		url.PathEscape(d.Account), url.PathEscape(d.StreamLabel),
		refill.Query(d.RecoveryRules().Method, q, [2]string(d.RecoveryParameters), d.RecoveryPartition))
}

// recoveryBase is the base URL of requests, and the first part of their path.
func (d *Decahose) recoveryBase() (base, kind string) {
	if d.RecoveryRules().Method == refill.Recovery {
		return d.RecoveryURL, "stream"
	}
	return d.ReplayURL, "replay"
}

// recoveryHost is whom requests go to.
func (d *Decahose) recoveryHost() string {
	base, _ := d.recoveryBase()
	u, err := url.Parse(base)
	if err != nil {
		return "" // refused at the start
	}
	return u.Host
}

// requestSilence is how long a request may send heartbeats and no Tweet: the minutes of a quiet night may be empty.
const requestSilence = 5 * time.Minute

// clients returns one client per route, at least one, and as many for requests.
func (d *Decahose) clients() (clients, requesters []*stream.Client, err error) {
	if _, err := d.TLSConfig(); err != nil {
		return nil, nil, err
	}
	proxy, err := d.Proxy()
	if err != nil {
		return nil, nil, err
	}
	routes := d.Routes
	if len(routes) == 0 {
		routes = []Route{{}}
	}
	for _, r := range routes {
		o, err := d.streamOptions(proxy, r)
		if err != nil {
			return nil, nil, err
		}
		clients = append(clients, stream.NewClient(o))
		o.SilenceTimeout = requestSilence
		requesters = append(requesters, stream.NewClient(o))
	}
	return clients, requesters, nil
}

// streamOptions of one route; what the route leaves open comes from the input.
func (d *Decahose) streamOptions(proxy proxyFunc, r Route) (stream.Options, error) {
	o := stream.Options{
		Credentials:      d.credentials,
		UserAgent:        "telegraf-decahose/" + release.Version(),
		TLS:              func() (*tls.Config, error) { return d.tlsOptions().latest(d.files) },
		Say:              func(text string) { d.say('W', text) },
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
		u, err := parseProxy("route.http_proxy_url", r.HTTPProxyURL)
		if err != nil {
			return o, err
		}
		o.Proxy = http.ProxyURL(u)
	}
	return o, nil
}

const allowedProxy = "http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT"

// parseProxy keeps the URL out of its errors: it may hold a password, and where it is wrong nobody knows at which place.
func parseProxy(field, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) || u.Hostname() == "" {
		return nil, option.Wrong(field, "", allowedProxy)
	}
	return u, nil
}

func (d *Decahose) checkRoutes() error {
	if d.HTTPProxyURL != "" {
		if _, err := parseProxy("http_proxy_url", d.HTTPProxyURL); err != nil {
			return err
		}
	}
	for i, r := range d.Routes {
		name := func(option string) string { return fmt.Sprintf("route[%d].%s", i+1, option) }
		if r.LocalAddress != "" && net.ParseIP(r.LocalAddress) == nil {
			return option.Bad(name("local_address"), r.LocalAddress, "an IP address of this host")
		}
		if r.HTTPProxyURL == "" {
			continue
		}
		if _, err := parseProxy(name("http_proxy_url"), r.HTTPProxyURL); err != nil {
			return err
		}
	}
	return nil
}
