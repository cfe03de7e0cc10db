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
func (a *attempts) holds(n *conn) [6]*retry.Hold {
	return [...]*retry.Hold{&a.outage, &a.trouble, &a.refused, &a.crowded, &n.part.outage, &n.part.trouble}
}

// healed ends the holds that n, which brought Tweets, proves to be over; who waited in them connects at once.
func (a *attempts) healed(n *conn) {
	if a.limited.Proved(n.dialedAt) {
		a.free(&a.limited)
	}
	for _, h := range a.holds(n) {
		if h.Proved(n.dialedAt) && (h != &a.crowded || a.now.Sub(n.openedAt) >= retry.Healthy) {
			a.free(h)
		}
	}
}

// free ends a hold.
func (a *attempts) free(h *retry.Hold) {
	h.Reset()
	for _, n := range a.conns {
		if n.behind == h && n.state == waiting {
			n.behind, n.failed, n.due = nil, false, a.now
		}
	}
}
