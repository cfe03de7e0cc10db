package stream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

// fault is an error that knows its class.
type fault struct {
	class, doing string
	err          error
}

func (f *fault) Error() string { return f.doing + ": " + f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func classOf(err error, otherwise string) string {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.class
	}
	return otherwise
}

// causeOf is the class with which ctx was cancelled.
func causeOf(ctx context.Context) string {
	if c, ok := errors.AsType[Closed](context.Cause(ctx)); ok && c != "" {
		return string(c)
	}
	return "closed"
}

// connectClass says which step on the way to the response header failed.
func (a *attempt) connectClass(err error) string {
	op := &net.OpError{}
	if a.ctx.Err() != nil {
		return causeOf(a.ctx)
	}
	if errors.As(err, &op) && (op.Op == "proxyconnect" || strings.HasPrefix(op.Op, "socks")) {
		return "proxy"
	}
	if class := classOf(err, ""); class != "" {
		return class
	}
	switch {
	case a.tlsFailed.Load():
		return "tls"
	case a.step.Load() == asking && !broken(err):
		return "no_http"
	case a.step.Load() == asking:
		return "reset"
	case a.proxied.Load():
		return "proxy"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "dns"
	}
	return "connect"
}

// broken reports whether the connection ended before the header did; any other error is of what was read.
func broken(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// readClass says why a 200's body ended. wire is what the socket said, plain what the reader above it said.
// A zero-length last chunk is eof even if gzip wanted more: that is how X cuts a connection (Disconnections explained).
func (a *attempt) readClass(wire, plain error) (string, error) {
	switch {
	case errors.Is(plain, errNoStream):
		return noStream, plain
	case corrupt(plain), wire == nil: // the socket may have ended, unread, behind the damage
		return "gzip", plain
	case wire == io.EOF: //nolint:errorlint // the socket's own word; an end with a reason around it is no FIN
		return "eof", nil
	case a.ctx.Err() != nil:
		return causeOf(a.ctx), context.Cause(a.ctx)
	}
	return "reset", wire
}

// corrupt tells damage of the gzip stream from a mere cut.
func corrupt(err error) bool {
	_, block := errors.AsType[flate.CorruptInputError](err)
	_, inner := errors.AsType[flate.InternalError](err)
	return block || inner || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)
}

// proxyAnswer names the proxy's refusal; net/http would keep only the reason phrase.
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &fault{"proxy", "connect through the proxy", errors.New(oneLine(res.Status))}
}

// bare takes the URL off an error, which may hold a user and password.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// secrets are what no End may show, in any form in which it was sent.
type secrets struct{ *redact.Secrets }

func secretsOf(username, password string) secrets {
	return secrets{(*redact.Secrets)(nil).WithBasic(username, password).With(username)}
}

// end completes e. An error that shows a secret (a server may echo what it got) is replaced by its
// cleaned text; any other keeps its chain.
func (s secrets) end(e End, class string, err error) End {
	e.Class, e.Message, e.Err = class, s.Hide(e.Message), err
	if err != nil {
		if text := s.Hide(err.Error()); text != err.Error() {
			e.Err = errors.New(text)
		}
	}
	return e
}
