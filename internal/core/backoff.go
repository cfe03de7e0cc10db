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
	// A refusal after health is a fault of the road at first: a captive portal, a proxy that restarts, a gateway's page.
	// It is tried as often as it takes to lose nothing that backfill cannot bring, for as long as such faults last.
	passingFirst = 5 * time.Second
	passingMost  = 60 * time.Second
	passingFor   = 10 * time.Minute
	// healthyFor is how long after a sound connection a refusal is a passing one.
	healthyFor = time.Hour
	// darkMost is the longest wait of a dark partition while X is in trouble: backfill reaches 5 minutes, and what is
	// healed must be found within 40 s.
	darkMost = 30 * time.Second
	// crowdedWait is the wait of a dark partition that X calls one connection too many: what X counts may be sockets
	// of a process or a network that is gone, for about a minute (Disconnections explained).
	crowdedWait = 20 * time.Second
	// parked is how long a connection stays away that X called one too many while another delivers its partition.
	parked = 10 * time.Minute
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

// backoff is the memory of one connection's failures, besides the hold that it waits in.
type backoff struct {
	refused, flaps int
	silence        pause
}

func doubling(first, most time.Duration, failures int) time.Duration {
	return min(first<<min(failures, 20), most)
}

// retryAfter is how long to stay away after an end, as far as n alone is concerned.
func (c *Core) retryAfter(n *conn, end End) time.Duration {
	switch {
	case end.Class == tooMany:
		return c.park(n)
	case end.Class == "silence":
		return 0
	case end.Status == 420, end.Status == 429:
		return c.failed(n, &c.limited, c.limitWait)
	case end.Status >= 500 && end.Status < 600:
		return c.failed(n, c.scope(&c.trouble, &n.part.trouble), c.serverWait(n))
	case refuses(end):
		return c.refusedAgain(n, end)
	case n.fed:
		return c.flap(n)
	case c.noStream(n, end):
		return c.passing(n, true)
	}
	return c.failed(n, c.scope(&c.outage, &n.part.outage), c.outageWait)
}

// scope is the hold of the whole stream while X cannot be reached at all, else that of the connection's partition.
func (c *Core) scope(stream, partition *hold) *hold {
	if c.anyUp() {
		return partition
	}
	return stream
}

// failed has n wait in the hold.
func (c *Core) failed(n *conn, h *hold, wait func(failures int) time.Duration) time.Duration {
	n.behind = h
	return h.failed(c.now, n.dialedAt, wait)
}

// refuses reports whether an end is a refusal that looks final: any status that is neither 200 nor one of X's own trouble.
func refuses(end End) bool {
	switch end.Class {
	case "redirect", "config", "credentials":
		return true
	case "http_101":
		return false
	}
	return !end.Opened && end.Status != 0 && end.Status != 200
}

// noStream reports whether a 200 ended soon, in order and without a Tweet: a page that something on the road sent, not X.
func (c *Core) noStream(n *conn, end End) bool {
	switch end.Class {
	case "no_stream": // it was seen by what came
		return true
	case "http_101": // another protocol: X has none, whatever the account may do
		return true
	case "reset", "heartbeat", "closed", operational, fullBuffer:
		return false
	}
	return end.Opened && c.now.Sub(n.openedAt) < healthy
}

// refusedAgain is the wait after a refusal: short ones for the stream soon after it was healthy, else each
// connection's own.
func (c *Core) refusedAgain(n *conn, end End) time.Duration {
	if n.plain = n.backfill > 0 && backfillRefused(end.Status) && (!c.backfillTaken || c.refused.failures >= doubtBackfill); n.plain {
		return c.jitter.of(networkStep)
	}
	return c.passing(n, c.wasHealthy())
}

// passing is the wait after a refusal that seems to be of the road, and after ten minutes, or where it does not seem so,
// the slow one of n alone.
func (c *Core) passing(n *conn, seems bool) time.Duration {
	h := &c.refused
	if h.failures == 0 && seems || h.failures > 0 && c.now.Sub(h.since) < passingFor {
		n.backoff.refused = 0
		return c.failed(n, h, passingWait)
	}
	n.backoff.refused++
	return c.jitter.of(doubling(refusedFirst, refusedMost, n.backoff.refused-1))
}

// doubtBackfill is after how many refusals in a row X is asked without backfill that it granted before: so soon it is
// not taken off the account, but it may be.
const doubtBackfill = 3

// wasHealthy reports whether the stream had a sound connection within the last hour, this process's or an earlier one's.
func (c *Core) wasHealthy() bool { return !c.soundAt.IsZero() && c.now.Sub(c.soundAt) < healthyFor }

// flap is the wait after an established connection dropped: none, unless it keeps dropping young.
func (c *Core) flap(n *conn) time.Duration {
	if c.now.Sub(n.openedAt) >= healthy {
		n.backoff.flaps = 0
		return 0
	}
	n.backoff.flaps++
	return c.jitter.of(min(networkStep*time.Duration(n.backoff.flaps-1), networkMost))
}

// park is the wait of a connection that X called one too many. While its partition is dark one connection of the
// stream tries for all such: what X counts may be sockets that are gone.
func (c *Core) park(n *conn) time.Duration {
	if n.part.reached(n) {
		return parked
	}
	return c.failed(n, &c.crowded, func(int) time.Duration { return c.jitter.of(crowdedWait) })
}

// backfillRefused reports whether a status may mean that backfill is not bought, or not to be had now.
func backfillRefused(status int) bool {
	return status == 400 || status == 403 || status == 406 || status == 422
}

// limitWait is the wait after so many refusals for connecting too often.
func (c *Core) limitWait(failures int) time.Duration {
	return c.jitter.of(doubling(limitFirst, limitMost, failures-1))
}

// serverWait is the wait after so many answers that X is in trouble; short while nobody delivers the partition.
func (c *Core) serverWait(n *conn) func(failures int) time.Duration {
	most := serverMost
	if !n.part.lit() {
		most = darkMost
	}
	return func(failures int) time.Duration { return c.jitter.of(doubling(serverFirst, most, failures-1)) }
}

// passingWait is the wait after so many refusals of a road that was healthy.
func passingWait(failures int) time.Duration {
	return doubling(passingFirst, passingMost, failures-1)
}

// outageWait is the wait after so many failures to reach X.
func (c *Core) outageWait(failures int) time.Duration {
	return c.jitter.of(min(networkStep*time.Duration(failures), networkMost))
}
