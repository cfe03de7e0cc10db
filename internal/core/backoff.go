package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
)

const (
	// passingPeriod is for how long a refusal after health is taken for a passing fault of the road.
	passingPeriod = 10 * time.Minute
	// healthyPeriod is how long after a sound connection a refusal is a passing one.
	healthyPeriod = time.Hour
	// crowdedDelay is the wait of a dark partition that X calls one connection too many: what X counts may be sockets
	// of a process or a network that is gone, for about a minute (Disconnections explained).
	crowdedDelay = 20 * time.Second
	// parkedDelay is how long a connection stays away that X called one too many while another delivers its partition.
	parkedDelay = 10 * time.Minute
	// escalateAfter is after how long X asks to be called (Decahose page, 503).
	escalateAfter = 10 * time.Minute
)

// backoff is the memory of one connection's failures, besides the hold that it waits in.
type backoff struct {
	refused, flaps int
	silence        retry.Pause
}

// retryAfter is how long to stay away after an end, as far as n alone is concerned.
func (c *Core) retryAfter(n *conn, end End) time.Duration {
	switch {
	case end.Class == xapi.TooManyConnections:
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
func (c *Core) scope(stream, partition *retry.Hold) *retry.Hold {
	if c.anyUp() {
		return partition
	}
	return stream
}

// failed has n wait in the hold.
func (c *Core) failed(n *conn, h *retry.Hold, wait func(failures int) time.Duration) time.Duration {
	n.behind = h
	return h.Failed(c.now, n.dialedAt, wait)
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
	case "reset", "heartbeat", "closed", xapi.Operational, xapi.FullBuffer:
		return false
	}
	return end.Opened && c.now.Sub(n.openedAt) < retry.Healthy
}

// refusedAgain is the wait after a refusal: short ones for the stream soon after it was healthy, else each
// connection's own.
func (c *Core) refusedAgain(n *conn, end End) time.Duration {
	failures, _ := c.refused.Failures()
	if n.plain = n.backfill > 0 && backfillRefused(end.Status) && (!c.backfillTaken || failures >= doubtBackfill); n.plain {
		return c.jitter.Of(xapi.NetworkStep)
	}
	return c.passing(n, c.wasHealthy())
}

// passing is the wait after a refusal that seems to be of the road, and after ten minutes, or where it does not seem so,
// the slow one of n alone.
func (c *Core) passing(n *conn, seems bool) time.Duration {
	failures, since := c.refused.Failures()
	if failures == 0 && seems || failures > 0 && c.now.Sub(since) < passingPeriod {
		n.backoff.refused = 0
		return c.failed(n, &c.refused, retry.Passing)
	}
	n.backoff.refused++
	return c.jitter.Of(retry.Refused(n.backoff.refused))
}

// doubtBackfill is after how many refusals in a row X is asked without backfill that it granted before: so soon it is
// not taken off the account, but it may be.
const doubtBackfill = 3

// wasHealthy reports whether the stream had a sound connection within the last hour, this process's or an earlier one's.
func (c *Core) wasHealthy() bool { return !c.soundAt.IsZero() && c.now.Sub(c.soundAt) < healthyPeriod }

// flap is the wait after an established connection dropped: none, unless it keeps dropping young.
func (c *Core) flap(n *conn) time.Duration {
	if c.now.Sub(n.openedAt) >= retry.Healthy {
		n.backoff.flaps = 0
		return 0
	}
	n.backoff.flaps++
	return c.jitter.Of(retry.Network(n.backoff.flaps - 1))
}

// park is the wait of a connection that X called one too many. While its partition is dark one connection of the
// stream tries for all such: what X counts may be sockets that are gone.
func (c *Core) park(n *conn) time.Duration {
	if n.part.reached(n) {
		return parkedDelay
	}
	return c.failed(n, &c.crowded, func(int) time.Duration { return c.jitter.Of(crowdedDelay) })
}

// backfillRefused reports whether a status may mean that backfill is not bought, or not to be had now.
func backfillRefused(status int) bool {
	return status == 400 || status == 403 || status == 406 || status == 422
}

// limitWait is the wait after so many refusals for connecting too often.
func (c *Core) limitWait(failures int) time.Duration { return c.jitter.Of(retry.Limit(failures)) }

// serverWait is the wait after so many answers that X is in trouble.
func (c *Core) serverWait(n *conn) func(failures int) time.Duration {
	dark := !n.part.lit()
	return func(failures int) time.Duration { return c.jitter.Of(retry.Server(failures, dark)) }
}

// outageWait is the wait after so many failures to reach X.
func (c *Core) outageWait(failures int) time.Duration { return c.jitter.Of(retry.Network(failures)) }
