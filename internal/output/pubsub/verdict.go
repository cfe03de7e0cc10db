package pubsub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
)

// minTimeout is the smallest read_timeout and write_timeout of cloud_pubsub_push: smaller ones become its default.
// What is answered sooner was not answered because of one.
const minTimeout = time.Second

// noSlot reports of a 503 whether the request was still waiting for one of the max_undelivered_messages.
func (a answer) noSlot() bool { return !a.begun && a.took >= minTimeout }

// classify says what an answer means for the batch. Only 204 is Accepted: whoever says 200 is not Telegraf.
func (c *Courier) classify(a answer) (delivery.Verdict, error) {
	switch a.status {
	case http.StatusNoContent:
		return delivery.Accepted, nil
	case http.StatusBadRequest:
		return c.classifyUnread(a)
	case http.StatusRequestEntityTooLarge:
		return c.classifyLarge(a)
	case http.StatusServiceUnavailable:
		return delivery.Later, c.busy(a)
	}
	return delivery.Later, c.denied(a)
}

// classifyUnread is for a 400. Telegraf's own has no body; every other server's is about the request, not the lines.
func (c *Courier) classifyUnread(a answer) (delivery.Verdict, error) {
	switch {
	case strings.Contains(a.said, "HTTP request to an HTTPS server"):
		return delivery.Later, c.fault(a, "speaks TLS", `begin "url" with https://`)
	case a.said != "":
		return delivery.Later, c.fault(a, "did not understand the request", "is it [[inputs.cloud_pubsub_push]] that listens there?")
	}
	return delivery.Refused, c.fault(a, "could not read some line",
		`of texts with newlines it can read every one only without influx_parser_type = "upstream"`)
}

// classifyLarge is for a 413. It comes at once when the batch is too large; later it may as well mean that the request
// waited so long for a slot that its body was not read in time.
func (c *Courier) classifyLarge(a answer) (delivery.Verdict, error) {
	if a.took < minTimeout {
		return delivery.Refused, c.fault(a, "takes no body so large", `raise "max_body_size" of [[inputs.cloud_pubsub_push]], or lower "batch"`)
	}
	return delivery.Later, c.unread(a)
}

// unread is of a request whose read_timeout had passed when it got a slot. It now has the slot for ever.
func (c *Courier) unread(a answer) error {
	return c.fault(a, "did not read the body in time, for want of a slot",
		`in [[inputs.cloud_pubsub_push]], "read_timeout" must not be below "write_timeout", and "max_undelivered_messages" well above "concurrency"`)
}

// busy tells the kinds of 503 apart.
func (c *Courier) busy(a answer) error {
	switch {
	case a.begun && a.empty: // that of write_timeout has a body
		return c.unread(a)
	case a.begun:
		return c.fault(a, "did not have the batch delivered within its write_timeout",
			`the outputs are slow or fail: see Telegraf's log; "write_timeout" must be above flush_interval and the slowest write`)
	case a.noSlot():
		return c.fault(a, "has no slot free of its max_undelivered_messages",
			`they are taken by batches that wait for the outputs, or for ever by requests it answered with 4xx (a fault of Telegraf): `+
				`restart Telegraf, raise "max_undelivered_messages" well above "concurrency", and look for 4xx`)
	}
	return c.fault(a, "is stopping", "wait until Telegraf is up again")
}

// denied is of answers that say nothing about the batch.
func (c *Courier) denied(a answer) error {
	switch {
	case a.status == http.StatusUnauthorized:
		return c.fault(a, "refused the token", `"token" of [inputs.decahose.push] must be that of [[inputs.cloud_pubsub_push]]`)
	case a.status == http.StatusNotFound:
		return c.fault(a, "has nothing at this path", `the path of "url" must be "path" of [[inputs.cloud_pubsub_push]]`)
	case a.status == http.StatusInternalServerError:
		return c.fault(a, "dropped or rejected some metric of the batch",
			`see Telegraf's log: an output rejects, or "metric_buffer_limit" is too small for what is under way`)
	case a.status/100 == 3:
		return c.fault(a, "wants to redirect", `no redirect is followed: put the address itself into "url"`)
	}
	return c.fault(a, "did not answer like Telegraf", "is it [[inputs.cloud_pubsub_push]] that listens there, with nothing in between?")
}

// fault is one line: where, what, and what to do.
func (c *Courier) fault(a answer, what, todo string) error {
	return fmt.Errorf("%s %s (%d): %s", c.where, what, a.status, todo)
}

// lost says in one line why there is no answer. What became of the batch is not known.
func (c *Courier) lost(ctx context.Context, err error, token string) error {
	what, todo := c.trouble(ctx, err)
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the URL holds the token
	}
	return fmt.Errorf("%s %s%s: %w", c.where, what, todo, hide(err, token))
}

// trouble is what is wrong and, in brackets, what to do.
func (c *Courier) trouble(ctx context.Context, err error) (what, todo string) {
	if ctx.Err() != nil {
		return "was given up", ""
	}
	if _, ok := errors.AsType[*peerError](err); ok {
		return "is not known to be Telegraf, and was told nothing", ` (set "user" of [inputs.decahose.push] to the user that Telegraf runs as, run this as that user, or use https)`
	}
	if what, todo = tlsTrouble(err); what != "" {
		return what, todo
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "cannot be reached", " (is [[inputs.cloud_pubsub_push]] configured there, and is Telegraf up?)"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "did not answer in time", ` ("timeout" must be above "write_timeout" of [[inputs.cloud_pubsub_push]])`
	}
	return "broke the connection off before the answer", ` (is Telegraf restarting, or its "read_timeout" below its "write_timeout"?)`
}

func tlsTrouble(err error) (what, todo string) {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "does not speak TLS", ` (set "tls_cert" and "tls_key" in [[inputs.cloud_pubsub_push]], or on loopback begin "url" with http://)`
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "has a certificate for another name", ` (set "tls_server_name")`
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "has a certificate that is not trusted", ` (set "tls_ca" to the authority that signed it)`
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return "refused the TLS handshake", ` (if it has "tls_allowed_cacerts", set "tls_cert" and "tls_key")`
	}
	return "", ""
}
