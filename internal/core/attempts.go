package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
)

// attempts decide when connections are tried: by what each waits in after its failures, and by what X allows.
type attempts struct {
	conns         []*conn // of all partitions; the core's
	now           time.Time
	limit         int // attempts in any period, all connections together
	period        time.Duration
	budget        retry.Budget
	jitter        retry.Jitter
	quiet         retry.Pause // of replacing silent connections while the whole stream is silent
	limited       retry.Hold  // after 420 and 429
	outage        retry.Hold  // while X cannot be reached
	trouble       retry.Hold  // while X answers 5xx
	refused       retry.Hold  // while something on the road refuses what X granted
	crowded       retry.Hold  // while X says that there are too many connections, and partitions are dark
	dialedAt      time.Time   // of the stream's last attempt
	soundAt       time.Time   // when a sound connection last delivered
	backfillTaken bool        // X took a request with backfill, and sent Tweets
}

func newAttempts(conns []*conn, cfg Config) attempts {
	a := attempts{conns: conns, limit: cfg.ConnectLimit, period: cfg.ConnectPeriod,
		budget: retry.NewBudget(cfg.ConnectLimit, cfg.ConnectPeriod), jitter: retry.NewJitter(cfg.Seed)}
	a.refused.Strict, a.crowded.Strict = true, true
	return a
}

// dialed notes that an attempt of n begins.
func (a *attempts) dialed(n *conn) {
	a.budget.Start()
	a.limited.Dialed(n)
	for _, h := range a.holds(n) {
		h.Dialed(n)
	}
	n.part.dialedAt, a.dialedAt = a.now, a.now
}

// nextDue is the connection to try next.
func (a *attempts) nextDue() *conn {
	var best *conn
	for _, n := range a.conns {
		if n.state != waiting || n.due.After(a.now) {
			continue
		}
		if best == nil || n.goesBefore(best) {
			best = n
		}
	}
	return best
}

// tried is when an attempt began that is still under way and that n should wait for; long ago if none.
func (a *attempts) tried(n *conn) (at time.Time) {
	for _, o := range a.conns {
		under := o.state == dialing || o.state == waiting && o.plain // the same attempt, without backfill
		if o != n && under && !o.part.lit() && (o.part == n.part || o.Index < n.Index) {
			at = later(at, o.dialedAt)
		}
	}
	return at
}

// earliest is when n may be tried, as things stand, apart from its own wait.
func (a *attempts) earliest(n *conn) time.Time {
	_, until := a.held(n)
	return later(later(a.now, until), later(a.limited.Over(n, a.now), a.affordable(n)))
}

// held is the hold that n must wait in longest, nil: none.
func (a *attempts) held(n *conn) (longest *retry.Hold, until time.Time) {
	for _, h := range a.holds(n) {
		if at := h.Over(n, a.now); n.waitsIn(h) && at.After(until) {
			longest, until = h, at
		}
	}
	return longest, until
}

// affordable is when the budget allows for n. The last slot is kept for a partition that no connection delivers, or
// a flapping redundant connection could starve it. Once half is used, what follows a failed attempt is spread evenly,
// so that the end of an outage never finds the budget used up.
func (a *attempts) affordable(n *conn) time.Time {
	need, left := 1, a.budget.Left(a.now)
	if n.part.lit() && a.limit >= 4 {
		need = 2
	}
	switch {
	case left < need:
		return later(a.budget.Free(a.now), a.now.Add(xapi.NetworkStep))
	case n.failed && 2*left <= a.limit:
		return a.dialedAt.Add(a.period / time.Duration(a.limit))
	}
	return a.now
}

// answered notes the end of an attempt: response headers, or a failure.
func (a *attempts) answered() {
	for _, o := range a.conns {
		if o.yields {
			o.yields, o.due = false, a.now
		}
	}
}

// anyUp reports whether X can be reached: a connection delivers, or has just been opened.
func (a *attempts) anyUp() bool {
	for _, n := range a.conns {
		if n.state == live && (n.fed || a.now.Sub(n.openedAt) < retry.Healthy) {
			return true
		}
	}
	return false
}

// anyUnsure reports whether the stream's time may be that of old Tweets.
func (a *attempts) anyUnsure() bool {
	return slices.ContainsFunc(a.conns, func(n *conn) bool { return n.state == live && n.unsure })
}

// anyReplacing reports whether a connection is on its way down or up.
func (a *attempts) anyReplacing() bool {
	for _, n := range a.conns {
		if n.state == closing || n.state == dialing {
			return true
		}
	}
	return false
}

// nextTry is when n will be tried, or another that waits for the same, as things stand.
func (a *attempts) nextTry(n *conn) time.Time {
	if n.state != waiting {
		return a.now
	}
	return later(n.due, a.earliest(n))
}

// nextOf is the connection of the partition that will be tried next.
func (a *attempts) nextOf(p *partition) *conn {
	best := p.conns[0]
	for _, n := range p.conns[1:] {
		if a.nextTry(n).Before(a.nextTry(best)) {
			best = n
		}
	}
	return best
}

// tryText says when n is tried, as things stand.
func (a *attempts) tryText(n *conn) string {
	switch n.state {
	case closing:
		return "the last attempt has not ended yet"
	case dialing:
		return fmt.Sprintf("being tried for %v", a.now.Sub(n.dialedAt).Round(time.Second))
	}
	text := fmt.Sprintf("next try in %v", a.nextTry(n).Sub(a.now).Round(10*time.Millisecond))
	if a.affordable(n).After(later(a.now, n.due)) {
		text += ", the connect limit allows no more before"
	}
	return text
}
