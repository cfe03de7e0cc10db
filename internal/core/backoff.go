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

// fed forgets the failures: data came.
func (b *backoff) fed() {
	b.network, b.server, b.refused = 0, 0, 0
	b.silence.reset()
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
		return c.limited.refused(c.now, c.jitter.of)
	case end.Status >= 500:
		b.server++
		return c.jitter.of(doubling(serverFirst, serverMost, b.server-1))
	case end.Status >= 300, end.Class == "redirect", end.Class == "config", end.Class == "credentials":
		if n.plain = n.backfill > 0 && backfillRefused(end.Status); n.plain {
			return c.jitter.of(networkStep)
		}
		b.refused++
		return c.jitter.of(doubling(refusedFirst, refusedMost, b.refused-1))
	case n.fed:
		return c.flap(n)
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

// limited is the whole stream's wait after 420 or 429: each further attempt would lengthen the lock-out,
// so one connection tries for all.
type limited struct {
	refusals int
	hold     time.Time
	probing  bool
}

func (l *limited) refused(now time.Time, jitter func(time.Duration) time.Duration) time.Duration {
	if now.Before(l.hold) {
		return l.hold.Sub(now) // sent before the first refusal was known
	}
	wait := jitter(doubling(limitFirst, limitMost, l.refusals))
	l.refusals++
	l.hold = now.Add(wait)
	return wait
}

// until is the earliest time of the next attempt.
func (l *limited) until(now time.Time) time.Time {
	if l.refusals > 0 && l.probing {
		return now.Add(networkStep)
	}
	return l.hold
}

func (l *limited) dialed() { l.probing = l.refusals > 0 }

// answered ends the probing, fed the memory of refusals.
func (l *limited) answered() { l.probing = false }
func (l *limited) fed()      { l.refusals = 0 }
