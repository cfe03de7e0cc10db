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
func (a *attempts) retryAfter(n *conn, end End) time.Duration {
	switch {
	case end.Class == xapi.TooManyConnections:
		return a.park(n)
	case end.Class == "silence":
		return 0
	case end.Status == 420, end.Status == 429:
		return a.failed(n, &a.limited, a.limitWait)
	case end.Status >= 500 && end.Status < 600:
		return a.failed(n, a.scope(&a.trouble, &n.part.trouble), a.serverWait(n))
	case refuses(end):
		return a.refusedAgain(n, end)
	case n.fed:
		return a.flap(n)
	case a.noStream(n, end):
		return a.passing(n, true)
	}
	return a.failed(n, a.scope(&a.outage, &n.part.outage), a.outageWait)
}

// scope is the hold of the whole stream while X cannot be reached at all, else that of the connection's partition.
func (a *attempts) scope(stream, partition *retry.Hold) *retry.Hold {
	if a.anyUp() {
		return partition
	}
	return stream
}

// failed has n wait in the hold.
func (a *attempts) failed(n *conn, h *retry.Hold, wait func(failures int) time.Duration) time.Duration {
	n.behind = h
	return h.Failed(a.now, n.dialedAt, wait)
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
func (a *attempts) noStream(n *conn, end End) bool {
	switch end.Class {
	case "no_stream": // it was seen by what came
		return true
	case "http_101": // another protocol: X has none, whatever the account may do
		return true
	case "reset", "heartbeat", "closed", xapi.Operational, xapi.FullBuffer:
		return false
	}
	return end.Opened && a.now.Sub(n.openedAt) < retry.Healthy
}

// refusedAgain is the wait after a refusal: short ones for the stream soon after it was healthy, else each
// connection's own.
func (a *attempts) refusedAgain(n *conn, end End) time.Duration {
	failures, _ := a.refused.Failures()
	if n.plain = n.backfill > 0 && backfillRefused(end.Status) && (!a.backfillTaken || failures >= doubtBackfill); n.plain {
		return a.jitter.Of(xapi.NetworkStep)
	}
	return a.passing(n, a.wasHealthy())
}

// passing is the wait after a refusal that seems to be of the road, and after ten minutes, or where it does not seem so,
// the slow one of n alone.
func (a *attempts) passing(n *conn, seems bool) time.Duration {
	failures, since := a.refused.Failures()
	if failures == 0 && seems || failures > 0 && a.now.Sub(since) < passingPeriod {
		n.backoff.refused = 0
		return a.failed(n, &a.refused, retry.Passing)
	}
	n.backoff.refused++
	return a.jitter.Of(retry.Refused(n.backoff.refused))
}

// doubtBackfill is after how many refusals in a row X is asked without backfill that it granted before: so soon it is
// not taken off the account, but it may be.
const doubtBackfill = 3

// wasHealthy reports whether the stream had a sound connection within the last hour, this process's or an earlier one's.
func (a *attempts) wasHealthy() bool {
	return !a.soundAt.IsZero() && a.now.Sub(a.soundAt) < healthyPeriod
}

// flap is the wait after an established connection dropped: none, unless it keeps dropping young.
func (a *attempts) flap(n *conn) time.Duration {
	if a.now.Sub(n.openedAt) >= retry.Healthy {
		n.backoff.flaps = 0
		return 0
	}
	n.backoff.flaps++
	return a.jitter.Of(retry.Network(n.backoff.flaps - 1))
}

// park is the wait of a connection that X called one too many. While its partition is dark one connection of the
// stream tries for all such: what X counts may be sockets that are gone.
func (a *attempts) park(n *conn) time.Duration {
	if n.part.reached(n) {
		return parkedDelay
	}
	return a.failed(n, &a.crowded, func(int) time.Duration { return a.jitter.Of(crowdedDelay) })
}

// backfillRefused reports whether a status may mean that backfill is not bought, or not to be had now.
func backfillRefused(status int) bool {
	return status == 400 || status == 403 || status == 406 || status == 422
}

// limitWait is the wait after so many refusals for connecting too often.
func (a *attempts) limitWait(failures int) time.Duration { return a.jitter.Of(retry.Limit(failures)) }

// serverWait is the wait after so many answers that X is in trouble.
func (a *attempts) serverWait(n *conn) func(failures int) time.Duration {
	dark := !n.part.lit()
	return func(failures int) time.Duration { return a.jitter.Of(retry.Server(failures, dark)) }
}

// outageWait is the wait after so many failures to reach X.
func (a *attempts) outageWait(failures int) time.Duration {
	return a.jitter.Of(retry.Network(failures))
}
