package core

import "time"

// hold is a wait that connections share, after which one tries for all of them: where each further attempt would
// lengthen a lock-out, or all together would use up the connect limit in seconds.
type hold struct {
	failures int // in a row
	since    time.Time
	failedAt time.Time // the last of them
	until    time.Time
	prober   *conn // tries for all now, nil: nobody does
	strict   bool  // a probe has succeeded only once Tweets came: a header tells nothing
}

const (
	// forgotten is after how long without a failure the next one is the first.
	forgotten = time.Hour
	// proberPatience is how long a probe may be without an answer before others are tried, whatever keeps it.
	proberPatience = 90 * time.Second
)

// failed begins the next wait, or says how much is left of the one that began while the failed attempt, begun at
// dialed, was under way.
func (h *hold) failed(now, dialed time.Time, wait func(failures int) time.Duration) time.Duration {
	if !dialed.After(h.failedAt) && now.Before(h.until) {
		return h.until.Sub(now)
	}
	if h.failures == 0 || now.Sub(h.failedAt) >= forgotten {
		h.failures, h.since = 0, now
	}
	h.failures++
	h.failedAt = now
	d := wait(h.failures)
	h.until = now.Add(d)
	return d
}

// over is the earliest time of n's next attempt.
func (h *hold) over(n *conn, now time.Time) time.Time {
	if h.failures > 0 && h.prober != nil && h.prober != n && h.proving(now) {
		return later(h.until, now.Add(networkStep))
	}
	return h.until
}

// proving reports whether the probe under way may still succeed.
func (h *hold) proving(now time.Time) bool {
	switch n := h.prober; n.state {
	case dialing:
		return now.Sub(n.dialedAt) < proberPatience
	case waiting:
		return n.plain
	case live, closing:
		return h.strict && now.Sub(n.openedAt) < healthy
	}
	return false
}

// holds reports whether n must wait in h: its own last attempt failed so, or another's did since n ended. The first
// attempt after a sound connection waits for nothing that was there before.
func (h *hold) holds(n *conn) bool {
	return h.failures > 0 && (n.behind == h || n.behind == nil && !h.failedAt.Before(n.endedAt))
}

// dialed notes the one attempt for all.
func (h *hold) dialed(n *conn) {
	if h.failures > 0 {
		h.prober = n
	}
}

// proved reports whether n, which brought Tweets, began after the last failure.
func (h *hold) proved(n *conn) bool {
	return h.failures > 0 && n.dialedAt.After(h.failedAt)
}

// roads are the holds that concern n, beside the one after 420 and 429.
func (c *Core) roads(n *conn) [6]*hold {
	return [...]*hold{&c.outage, &c.trouble, &c.refused, &c.crowded, &n.part.outage, &n.part.trouble}
}

// healed ends the holds that n, which brought Tweets, proves to be over; who waited in them connects at once.
func (c *Core) healed(n *conn) {
	if c.limited.proved(n) {
		c.free(&c.limited)
	}
	for _, h := range c.roads(n) {
		if h.proved(n) && (h != &c.crowded || c.now.Sub(n.openedAt) >= healthy) {
			c.free(h)
		}
	}
}

// free ends a hold.
func (c *Core) free(h *hold) {
	*h = hold{strict: h.strict}
	for _, n := range c.conns {
		if n.behind == h && n.state == waiting {
			n.behind, n.failed, n.due = nil, false, c.now
		}
	}
}
