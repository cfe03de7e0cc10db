package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/decahose/telegraf-decahose/internal/netsafe/loopback"
)

// request is the GET that X's pages ask for (Decahose: "Connecting"). Its error is a fault of class
// config or credentials.
func (c *Client) request(ctx context.Context, rawURL string) (*http.Request, secrets, error) {
	u, err := target(rawURL)
	if err != nil {
		return nil, secrets{}, err
	}
	username, password, err := c.credentials()
	s := secretsOf(username, password)
	if err != nil {
		return nil, s, &fault{"credentials", "get credentials", bare(err)}
	}
	req := (&http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: c.header()}).WithContext(ctx)
	req.SetBasicAuth(username, password)
	return req, s, nil
}

func (c *Client) credentials() (username, password string, err error) {
	if c.o.Credentials == nil {
		return "", "", errors.New("none configured")
	}
	return c.o.Credentials()
}

func (c *Client) header() http.Header {
	h := http.Header{}
	h.Set("Accept", "application/json")
	h.Set("Accept-Encoding", "gzip") // X answers 406 without
	h.Set("Connection", "keep-alive")
	if c.o.UserAgent != "" {
		h.Set("User-Agent", c.o.UserAgent)
	}
	return h
}

// target refuses URLs that would send credentials in clear. Its errors quote nothing of rawURL but the
// scheme: the rest may hold a secret.
func target(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return nil, &fault{"config", "parse the stream's URL", errors.New("not a URL")}
	case u.User != nil:
		return nil, &fault{"config", "use the stream's URL", errors.New("it holds credentials")}
	case u.Hostname() == "":
		return nil, &fault{"config", "use the stream's URL", errors.New("it names no host")}
	case loopback.Carries(u):
		return u, nil
	case u.Scheme == "http":
		return nil, &fault{"config", "use the stream's URL", errors.New("plain http to a host other than loopback")}
	}
	return nil, &fault{"config", "use the stream's URL", fmt.Errorf("scheme %q is neither http nor https", u.Scheme)}
}
