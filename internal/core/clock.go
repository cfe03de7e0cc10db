package core

import "time"

const (
	// plausible is how far an id's time may be from the clock and still move it: backfill is at most
	// 5 minutes old (X: Decahose, backfillMinutes).
	plausible = 10 * time.Minute
	// stubborn is how many Tweets in a row must disagree before the clock believes them instead.
	stubborn = 50
)

// clock is the Tweets' own time: the newest id seen, and our time when it came. Minutes are judged
// by it, so that a wrong clock of this host misjudges nothing.
type clock struct {
	newest    int64 // Unix ms of id time
	seen      time.Time
	strangers int
	stranger  int64
	guessed   bool // no Tweet has come yet: from what an earlier process stored, or from our clock
}

// guess sets the stream's time until the first Tweet tells it.
func (k *clock) guess(ms int64, now time.Time) { k.newest, k.seen, k.guessed = ms, now, true }

func (k *clock) set() bool { return !k.seen.IsZero() }

// at is the stream's time, in Unix ms, when our clock said t.
func (k *clock) at(t time.Time) int64 { return k.newest + t.Sub(k.seen).Milliseconds() }

// observe tells the clock of an id's time and reports whether it is plausible. Before the first Tweet our
// own clock is what there is to compare with: a stray old record must not set the stream's time.
func (k *clock) observe(ms int64, now time.Time) bool {
	at := now.UnixMilli()
	if k.set() {
		at = k.at(now)
	}
	if max(ms-at, at-ms) > plausible.Milliseconds() {
		k.stranger = max(k.stranger, ms)
		if k.strangers++; k.strangers < stubborn {
			return false
		}
		k.seen, k.newest, k.guessed = now, k.stranger, false
	}
	k.strangers, k.stranger = 0, 0
	if !k.set() || k.guessed || ms > k.newest {
		k.guessed = false
		k.newest, k.seen = ms, now
	}
	return true
}
