package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/retry"
)

// Proving reports whether n, which tries for all that wait for the same, may still succeed.
func (n *conn) Proving(now time.Time, strict bool) bool {
	switch n.state {
	case dialing:
		return now.Sub(n.dialedAt) < retry.ProbeTimeout
	case waiting:
		return n.plain
	case live, closing:
		return strict && now.Sub(n.openedAt) < retry.Healthy
	}
	return false
}

// waitsIn reports whether n must wait in h: its own last attempt failed so, or another's did since n ended. The first
// attempt after a sound connection waits for nothing that was there before.
func (n *conn) waitsIn(h *retry.Hold) bool {
	if n.behind == nil {
		return h.FailedSince(n.endedAt)
	}
	return n.behind == h && h.FailedSince(time.Time{})
}

// holds are those that concern n, beside the one after 420 and 429.
func (c *Core) holds(n *conn) [6]*retry.Hold {
	return [...]*retry.Hold{&c.outage, &c.trouble, &c.refused, &c.crowded, &n.part.outage, &n.part.trouble}
}

// healed ends the holds that n, which brought Tweets, proves to be over; who waited in them connects at once.
func (c *Core) healed(n *conn) {
	if c.limited.Proved(n.dialedAt) {
		c.free(&c.limited)
	}
	for _, h := range c.holds(n) {
		if h.Proved(n.dialedAt) && (h != &c.crowded || c.now.Sub(n.openedAt) >= retry.Healthy) {
			c.free(h)
		}
	}
}

// free ends a hold.
func (c *Core) free(h *retry.Hold) {
	h.Reset()
	for _, n := range c.conns {
		if n.behind == h && n.state == waiting {
			n.behind, n.failed, n.due = nil, false, c.now
		}
	}
}
