package audit

import (
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Watch says what of that which a store lacks may be repaired: what looks found missing that lie the settle time apart or
// more, all of which went well, while nothing of it came by itself. One look cannot tell what is lost from what waits in
// a buffer, and a repair of the latter doubles it. The zero Watch has seen nothing; it has one owner and no lock.
type Watch struct {
	since  map[snowflake.ID]time.Time // since which look a Tweet is missing
	minute map[timeline.Minute]short  // the same where the store cannot tell ids
}

// short is how many Tweets of a minute are missing, and since which look.
type short struct {
	missing int64
	since   time.Time
}

// Failed says that a look came to nothing: what is known of earlier ones proves nothing any more.
func (w *Watch) Failed() { w.since, w.minute = nil, nil }

// Look takes what a look at now found. why says what keeps all of it from being repaired; empty: nothing does.
func (w *Watch) Look(lines []Line, now time.Time) (why string) {
	came, since, minute := int64(0), make(map[snowflake.ID]time.Time), make(map[timeline.Minute]short)
	judged := make(map[timeline.Minute]bool)
	for i := range lines {
		l := &lines[i]
		judged[l.Minute] = l.State == Equal || l.State == Missing || l.State == Surplus
		if l.State != Missing {
			continue
		}
		for _, t := range l.Lacking {
			since[t.ID] = earlier(w.since[t.ID], now)
		}
		if before := w.minute[l.Minute]; l.Lacking == nil {
			came += max(0, before.missing-l.Missing)
			minute[l.Minute] = short{l.Missing, earlier(before.since, now)}
		}
	}
	for id := range w.since {
		if _, still := since[id]; !still && judged[timeline.MinuteOf(id.Milli())] {
			came++
		}
	}
	w.since, w.minute = since, minute
	switch {
	case came > 0:
		why = fmt.Sprintf("%d Tweets that seemed to be missing have come: the outputs are behind", came)
	case lateNewest(lines):
		why = "the newest minutes are not stored either: the outputs are behind, or stand still"
	default:
		return ""
	}
	w.restart(now)
	return why
}

func earlier(a, now time.Time) time.Time {
	if a.IsZero() {
		return now
	}
	return a
}

// lateNewest reports whether of the newest minute that was compared less than half is stored.
func lateNewest(lines []Line) bool {
	for i := range slices.Backward(lines) {
		if l := &lines[i]; l.Stored >= 0 && l.Emitted > 0 {
			return l.State == Missing && 2*l.Missing > l.Emitted
		}
	}
	return false
}

// restart has all that is missing wait for the settle time from now on.
func (w *Watch) restart(now time.Time) {
	for id := range w.since {
		w.since[id] = now
	}
	for m, s := range w.minute {
		w.minute[m] = short{s.missing, now}
	}
}

// Ripe are the lines, as the last look found them, with those Tweets only that have been missing for the settle time.
func (w *Watch) Ripe(lines []Line, now time.Time, settle time.Duration) (ripe []Line) {
	for _, l := range lines {
		due := func(since time.Time) bool { return now.Sub(since) >= settle }
		switch {
		case l.State != Missing:
		case l.Lacking == nil && due(w.minute[l.Minute].since):
			ripe = append(ripe, l)
		case l.Lacking != nil:
			l.Lacking = slices.DeleteFunc(slices.Clone(l.Lacking), func(t ledger.Sent) bool { return !due(w.since[t.ID]) })
			if len(l.Lacking) > 0 {
				ripe = append(ripe, l)
			}
		}
	}
	return ripe
}

// Ordered says that these were ordered: that they come is the repair's doing.
func (w *Watch) Ordered(sent []ledger.Sent) {
	for _, t := range sent {
		delete(w.since, t.ID)
		delete(w.minute, timeline.MinuteOf(t.ID.Milli()))
	}
}

// Short are the lines with those that stay short after their repairs as missing, too, where these are wanted again.
func Short(lines []Line, again bool) []Line {
	lines = slices.Clone(lines)
	for i := range lines {
		if l := &lines[i]; again && l.State == Unrepaired {
			l.State = Missing
		}
	}
	return lines
}
