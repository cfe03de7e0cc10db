package retry

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/source/xapi"
)

// Hold is a wait that connections share, after which one tries for all of them: where each further attempt would
// lengthen a lock-out, or all together would use up the connect limit in seconds.
type Hold struct {
	Strict bool // a probe has succeeded only once Tweets came: a header tells nothing

	failures int // in a row
	since    time.Time
	failedAt time.Time // the last of them
	until    time.Time
	prober   Prober // tries for all now, nil: nobody does
}

// Prober is a connection that tries for all.
type Prober interface {
	// Proving reports whether its attempt may still succeed; strict is that of the hold.
	Proving(now time.Time, strict bool) bool
}

const (
	// forgottenAfter is after how long without a failure the next one is the first.
	forgottenAfter = time.Hour
	// ProbeTimeout is how long a probe may be without an answer before others are tried, whatever keeps it.
	ProbeTimeout = 90 * time.Second
)

// Failed begins the next wait, or says how much is left of the one that began while the failed attempt, begun at
// dialed, was under way.
func (h *Hold) Failed(now, dialed time.Time, wait func(failures int) time.Duration) time.Duration {
	if !dialed.After(h.failedAt) && now.Before(h.until) {
		return h.until.Sub(now)
	}
	if h.failures == 0 || now.Sub(h.failedAt) >= forgottenAfter {
		h.failures, h.since = 0, now
	}
	h.failures++
	h.failedAt = now
	d := wait(h.failures)
	h.until = now.Add(d)
	return d
}

// Failures is how many attempts failed in a row, and since when.
func (h *Hold) Failures() (n int, since time.Time) { return h.failures, h.since }

// Over is the earliest time of the next attempt of one that waits.
func (h *Hold) Over(waiting Prober, now time.Time) time.Time {
	if h.failures > 0 && h.prober != nil && h.prober != waiting && h.prober.Proving(now, h.Strict) {
		if next := now.Add(xapi.NetworkStep); next.After(h.until) {
			return next
		}
	}
	return h.until
}

// FailedSince reports whether an attempt failed at that time or later.
func (h *Hold) FailedSince(t time.Time) bool { return h.failures > 0 && !h.failedAt.Before(t) }

// Dialed notes the one attempt for all.
func (h *Hold) Dialed(p Prober) {
	if h.failures > 0 {
		h.prober = p
	}
}

// Proved reports whether an attempt that brought Tweets, and began at dialed, began after the last failure.
func (h *Hold) Proved(dialed time.Time) bool {
	return h.failures > 0 && dialed.After(h.failedAt)
}

// Reset ends the hold: what fails next fails first.
func (h *Hold) Reset() { *h = Hold{Strict: h.Strict} }
