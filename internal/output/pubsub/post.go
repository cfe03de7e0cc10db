package pubsub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

// answer is what Telegraf said to one POST.
type answer struct {
	status int
	begun  bool // a 100 came first: the request had a slot, and its body was read
	empty  bool // without a body
	took   time.Duration
	said   string // the beginning of a 400's body; Telegraf itself sends none
}

// post sends lines as one message and waits for the answer. An error is a fault on the way, in one line without the
// token. lines is not read any more when post returns.
//
// With expect the body waits until Telegraf reads it, which it does once the request has a slot: a refusal then comes
// as one and not as a broken pipe, and it is known whether there was a slot. Without, header and body of a short
// message are one packet. Telegraf can read that one even if its read_timeout has passed, or we are gone, by the time
// it has a slot: a request that it cannot read would take the slot for ever.
func (c *Courier) post(ctx context.Context, lines []byte, expect bool) (answer, error) {
	token, err := c.token()
	if err != nil {
		return answer{}, fmt.Errorf("read the token for %s: %w", c.where, err)
	}
	m := &message{lines: lines}
	defer m.end()
	var begun atomic.Bool
	trace := &httptrace.ClientTrace{Got100Continue: func() { begun.Store(true) }}
	began := c.now()
	res, err := c.client.Do(c.request(httptrace.WithClientTrace(ctx, trace), m, token, expect))
	if err != nil {
		return answer{begun: begun.Load()}, c.lost(ctx, err, token)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, begun: begun.Load(), empty: res.ContentLength == 0, took: c.now().Sub(began)}
	if a.status == http.StatusBadRequest {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 256)) // what can be had of it
		a.said = string(said)
	}
	return a, nil
}

// request names itself idempotent, as it is by the identity of Tweets: net/http then sends it again when Telegraf had
// just closed the idle connection it was put on.
func (c *Courier) request(ctx context.Context, m *message, token string, expect bool) *http.Request {
	u := c.url
	if token != "" {
		u.RawQuery = "token=" + url.QueryEscape(token)
	}
	header := http.Header{"Content-Type": {"application/json"}, "X-Idempotency-Key": {}}
	if expect {
		header.Set("Expect", "100-continue")
	}
	req := &http.Request{
		Method: http.MethodPost, URL: &u, ProtoMajor: 1, ProtoMinor: 1, Header: header, ContentLength: m.size(), Body: m.body(),
		GetBody: func() (io.ReadCloser, error) { return m.body(), nil },
	}
	return req.WithContext(ctx)
}

// hide takes the token out of an error: a server may echo it.
func hide(err error, token string) error {
	if text := (*redact.Secrets)(nil).With(token).Hide(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}
