package core

import (
	"strings"
	"time"
)

// X's own figures (Connecting, "Reconnecting"; Rate limits): linear +250 ms to 16 s for the network, 5 s doubling
// to 320 s for its trouble, 60 s doubling for connecting too often.
const (
	networkStep = 250 * time.Millisecond
	networkMost = 16 * time.Second
	serverFirst = 5 * time.Second
	serverMost  = 320 * time.Second
	limitFirst  = 60 * time.Second
	limitMost   = 16 * time.Minute
	// refusedFirst: 401, 403, 404, 406 and their like do not heal by themselves; X only says to back off.
	refusedFirst = 2 * time.Minute
	refusedMost  = 16 * time.Minute
	// parked is how long a connection stays away that X called one too many.
	parked = 10 * time.Minute
	// zombie is how long X may count a connection of a process that died: tolerated for about a minute (Disconnections explained).
	zombie = 70 * time.Second
	// healthy is how long a connection must have lived for its end to be no sign of trouble.
	healthy = 10 * time.Second
	// escalate is after how long X asks to be called (Decahose page, 503).
	escalate = 10 * time.Minute
)

// In-stream verdicts, and the words of X by which they are known (Disconnections explained, Consuming streaming data).
const (
	tooMany     = "too_many_connections"
	fullBuffer  = "full_buffer"
	operational = "operational"
)

// verdictOf is the class that an in-stream error message announces; empty where it announces none.
func verdictOf(message string) string {
	m := strings.ToLower(message)
	switch {
	case strings.Contains(m, "too many connections"), strings.Contains(m, "maximum allowed connection"):
		return tooMany
	case strings.Contains(m, "maximum allowed backup"), strings.Contains(m, "unable to keep up"), strings.Contains(m, "full buffer"):
		return fullBuffer
	case strings.Contains(m, "operational reasons"):
		return operational
	}
	return ""
}

// backoff is the memory of one connection's failures. It is forgotten when data comes, not at a 200.
type backoff struct {
	network, server, refused, flaps int
	serverSince                     time.Time
	silence                         pause
	spared                          bool // the short wait of a parked connection was used
}

// fed forgets the failures: data came. Silence is forgotten by news only, which old Tweets are not.
func (b *backoff) fed() {
	b.network, b.server, b.refused = 0, 0, 0
}

func doubling(first, most time.Duration, failures int) time.Duration {
	return min(first<<min(failures, 20), most)
}

// retryAfter is how long to stay away after an end.
func (c *Core) retryAfter(n *conn, end End) time.Duration {
	b := &n.backoff
	switch {
	case end.Class == tooMany:
		return c.park(n)
	case end.Class == "silence":
		return 0
	case end.Status == 420, end.Status == 429:
		return c.limited.failed(c.now, c.limitWait)
	case end.Status >= 500:
		b.server++
		if !c.anyUp() {
			return c.trouble.failed(c.now, c.serverWait)
		}
		return c.serverWait(b.server)
	case end.Status >= 300, end.Class == "redirect", end.Class == "config", end.Class == "credentials":
		if n.plain = n.backfill > 0 && backfillRefused(end.Status); n.plain {
			return c.jitter.of(networkStep)
		}
		b.refused++
		return c.jitter.of(doubling(refusedFirst, refusedMost, b.refused-1))
	case n.fed:
		return c.flap(n)
	}
	if !c.anyUp() {
		return c.outage.failed(c.now, c.outageWait)
	}
	b.network++
	return c.jitter.of(min(networkStep*time.Duration(b.network), networkMost))
}

// flap is the wait after an established connection dropped: none, unless it keeps dropping young.
func (c *Core) flap(n *conn) time.Duration {
	if c.now.Sub(n.openedAt) >= healthy {
		n.backoff.flaps = 0
		return 0
	}
	n.backoff.flaps++
	return c.jitter.of(min(networkStep*time.Duration(n.backoff.flaps-1), networkMost))
}

// park is the wait of a connection that X called one too many. A partition that would be dark gets one
// short try: what X counts may be the sockets of a process that just died.
func (c *Core) park(n *conn) time.Duration {
	if n.part.reached(n) || n.backoff.spared {
		n.backoff.spared = n.backoff.spared && !n.part.reached(n)
		return parked
	}
	n.backoff.spared = true
	return c.jitter.of(zombie)
}

// backfillRefused reports whether a status may mean that backfill is not bought, or not to be had now.
func backfillRefused(status int) bool {
	return status == 400 || status == 403 || status == 406 || status == 422
}

// hold is a wait of the whole stream, after which one connection tries for all: after 420 and 429,
// where each further attempt would lengthen the lock-out, and while X cannot be reached or is in trouble,
// where all connections together would use up the connect limit in seconds.
type hold struct {
	failures int
	until    time.Time
	probing  bool
}

// failed begins the next wait, or says how much is left of the one that began while the failed attempt
// was under way.
func (h *hold) failed(now time.Time, wait func(failures int) time.Duration) time.Duration {
	if now.Before(h.until) {
		return h.until.Sub(now)
	}
	h.failures++
	d := wait(h.failures)
	h.until = now.Add(d)
	return d
}

// over is the earliest time of the next attempt.
func (h *hold) over(now time.Time) time.Time {
	if h.failures > 0 && h.probing {
		return now.Add(networkStep)
	}
	return h.until
}

// dialed notes the one attempt for all, answered its end, fed that data came.
func (h *hold) dialed()   { h.probing = h.failures > 0 }
func (h *hold) answered() { h.probing = false }
func (h *hold) fed()      { *h = hold{} }

// limitWait is the wait after so many refusals for connecting too often.
func (c *Core) limitWait(failures int) time.Duration {
	return c.jitter.of(doubling(limitFirst, limitMost, failures-1))
}

// serverWait is the wait after so many answers that X is in trouble.
func (c *Core) serverWait(failures int) time.Duration {
	return c.jitter.of(doubling(serverFirst, serverMost, failures-1))
}

// outageWait is the wait after so many failures to reach X. Once most of the connect budget is gone the
// rest is spread evenly over the time until more is there, so that the end of an outage never finds it used up.
func (c *Core) outageWait(failures int) time.Duration {
	wait := min(networkStep*time.Duration(failures), networkMost)
	if left := c.budget.left(c.now); 5*left <= 2*c.cfg.ConnectLimit {
		more := c.budget.free(c.now).Sub(c.now)
		wait = max(wait, c.cfg.ConnectPeriod/time.Duration(c.cfg.ConnectLimit), more/time.Duration(left+1))
	}
	return c.jitter.of(wait)
}
