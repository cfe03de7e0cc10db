package pubsub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/decahose/telegraf-decahose/internal/output/delivery"
)

// Config of a Courier.
type Config struct {
	URL    string                        // one that CheckURL takes
	Token  func() (string, error)        // called for each request; empty: none
	Client *http.Client                  // of NewClient; its Timeout must be above Telegraf's write_timeout
	Peer   func(net.Conn) error          // called of each connection without TLS before anything is sent; nil: none is refused
	Say    func(level byte, text string) // one line for the operator, 'E' or 'I'; nil: nobody listens
}

// Courier is a delivery.Courier.
type Courier struct {
	url    url.URL
	where  string // the URL, for errors
	token  func() (string, error)
	client http.Client
	say    func(level byte, text string)
	now    func() time.Time

	full     atomic.Bool  // Telegraf has no slot free, or did not say that it has
	proven   atomic.Int64 // when a check was last accepted, Unix ns
	refusals *rate.Limiter
}

const (
	// proofTimeout is how long an accepted check proves that a refusal is some line's fault.
	proofTimeout = time.Minute
	// maxEnds is how many Tweets a minute may be refused for good: sound Tweets that are refused are few. More are the
	// fault of whoever refuses, and wait.
	maxEnds = 10
)

// New returns a Courier; nothing is sent. A URL that CheckURL refuses is a bug of the caller.
func New(cfg Config) *Courier {
	u, err := parseURL(cfg.URL)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	c := &Courier{url: *u, where: u.String(), token: cfg.Token, client: *cfg.Client, say: cfg.Say, now: time.Now,
		refusals: rate.NewLimiter(rate.Every(time.Minute/maxEnds), maxEnds)}
	c.client.CheckRedirect = stay // whatever client was given: the token must not travel on
	if cfg.Peer != nil && u.Scheme == "http" {
		c.client.Transport = checked(c.client.Transport.(*renewing), cfg.Peer)
	}
	if c.token == nil {
		c.token = func() (string, error) { return "", nil }
	}
	if c.say == nil {
		c.say = func(byte, string) {}
	}
	return c
}

// Deliver posts a batch. One that Telegraf could not read is Refused without being sent: each 400 would take one of
// Telegraf's slots for ever. So would one that waits for a slot in vain: while there is none, a ping goes ahead.
func (c *Courier) Deliver(ctx context.Context, b *delivery.Batch) (delivery.Verdict, error) {
	if err := checkBatch(b); err != nil {
		return delivery.Refused, err
	}
	if c.full.Load() {
		if err := c.ping(ctx); err != nil {
			return delivery.Later, err
		}
	}
	a, err := c.post(ctx, b.Lines, true)
	if err != nil {
		if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() && !a.begun && ctx.Err() == nil {
			c.runOut(err)
		}
		return delivery.Later, err
	}
	v, err := c.classify(a)
	c.logSlots(a, err)
	if v == delivery.Refused {
		return c.confirmRefusal(ctx, b, err)
	}
	return v, err
}

// confirmRefusal believes a refusal or not. It ends a Tweet's life where that is alone in the batch, so the same server
// must be known to accept something else, and not refuse much.
func (c *Courier) confirmRefusal(ctx context.Context, b *delivery.Batch, refusal error) (delivery.Verdict, error) {
	if doubt := c.proof(ctx); doubt != nil {
		return delivery.Later, doubt
	}
	if len(b.Tweets) == 1 && !c.refusals.AllowN(c.now(), 1) {
		return delivery.Later, fmt.Errorf("%w; that is not believed of more than %d Tweets a minute", refusal, maxEnds)
	}
	return delivery.Refused, refusal
}

// Check proves that Telegraf reads our lines and that whoever it gives a point decahose_check to takes it: no output,
// where their filters let Tweets pass only.
func (c *Courier) Check(ctx context.Context) error {
	// The string has what Tweets have and not every parser reads.
	return c.CheckLine(ctx, fmt.Appendf(nil, "decahose_check ok=true,text=\"two\nlines\" %d\n", c.now().UnixNano()))
}

// CheckLine proves the round trip of a line: it is posted, and was accepted by all outputs whose filters let it pass
// when the error is nil. It takes as long as the outputs take to flush.
func (c *Courier) CheckLine(ctx context.Context, point []byte) error {
	if err := c.ping(ctx); err != nil {
		return err
	}
	a, err := c.post(ctx, point, false)
	if err != nil {
		return err
	}
	a.begun = true // the ping got a slot
	v, err := c.classify(a)
	if v == delivery.Refused && a.status == http.StatusBadRequest {
		return c.fault(a, "cannot read line protocol as this plugin writes it",
			`set data_format = "influx" in [[inputs.cloud_pubsub_push]], and no influx_parser_type`)
	}
	return err
}

// ping posts an empty message. It is answered 204 at once if the token is right and a slot is free.
func (c *Courier) ping(ctx context.Context) error {
	a, err := c.post(ctx, nil, false)
	if err != nil {
		return err
	}
	_, err = c.classify(a)
	c.logSlots(a, err)
	return err
}

// proof is nil when Telegraf is known to accept a line of ours, so that a refusal is some Tweet's fault and not the
// configuration's, or a stranger's: that would put every Tweet in quarantine.
func (c *Courier) proof(ctx context.Context) error {
	if c.now().UnixNano()-c.proven.Load() < int64(proofTimeout) {
		return nil
	}
	if err := c.Check(ctx); err != nil {
		return err
	}
	c.proven.Store(c.now().UnixNano())
	return nil
}

// logSlots tells the operator once when Telegraf has run out of slots, and when it has some again.
func (c *Courier) logSlots(a answer, err error) {
	switch {
	case a.status == http.StatusServiceUnavailable && a.noSlot():
		c.runOut(err)
	case a.status == http.StatusNoContent && c.full.CompareAndSwap(true, false):
		c.say('I', c.where+" takes batches again")
	}
}

func (c *Courier) runOut(err error) {
	if c.full.CompareAndSwap(false, true) {
		c.say('E', err.Error())
	}
}
