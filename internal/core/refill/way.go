package refill

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Step is what is to be done next about Tweets that are missing.
type Step uint8

// Steps, in the order in which they are tried.
const (
	Wait        Step = iota // time will tell, or an answer that is under way
	Backfill                // the connection that is about to be made asks for them
	FromArchive             // another site's archive is to be read
	Ask                     // Replay or Recovery is to be asked, in the minute's turn: see Rules.Next
	Lost                    // nobody can bring them any more
)

var stepNames = [...]string{"wait", "backfill", "archive", "ask", "lost"}

func (s Step) String() string { return stepNames[s] }

// Copy is the archive of another site that consumes the same stream.
type Copy struct {
	Name    string        // for the operator, without credentials
	Delay   time.Duration // how old, from its end, a minute must be: until then the other site may still write it
	Horizon time.Duration // how old, from its start, a minute may be and still be kept there
	Trust   bool          // what it holds of a minute is all of it, however little that is
}

// Word is what an archive is known to have of a minute.
type Word uint8

// Words of an archive.
const (
	Unread Word = iota // nobody has looked, or it is time to look again
	Lacks              // it was read, and has not all of it
	Silent             // it cannot be read for now
)

// Ways are all that a stream has to get what it missed.
type Ways struct {
	Backfill time.Duration // how far X's backfill reaches; 0: it was not bought
	Archives []Copy        // the first first
	Rules                  // of Replay or Recovery; the Horizon holds where Method is None, too
}

// Lack is one minute of a partition of which Tweets are missing, or the last part of a gap.
type Lack struct {
	Span       timeline.Span // within one minute
	Connecting bool          // a connection to the partition is about to be made: X sends backfill at a connect, and only then
	Dark       bool          // no connection delivers the partition: the one to come will ask for what backfill reaches
	Forfeited  bool          // X gives no backfill for it: it cut us for slowness at last, or refuses backfill
	Promised   bool          // backfill of it is on its way
	Words      []Word        // of each archive
}

// Way is what to do about l at the stream's time now, in Unix ms, and with FromArchive which of the archives to read.
// It is X's guide to redundancy and recovery: what backfill reaches is had by it, at the reconnect; then the emergency
// store, which costs X nothing; then Replay or Recovery, for what that lacks.
func (w Ways) Way(now int64, l Lack) (Step, int) {
	if l.Promised {
		return Wait, 0
	}
	if l.Connecting && !l.Forfeited && l.Span.To > now-w.Backfill.Milliseconds() && w.Backfill > 0 {
		return Backfill, 0
	}
	minute, hope := timeline.MinuteOf(l.Span.From), false
	if l.Dark && !l.Forfeited && w.Backfill > 0 && minute.Milli() >= now-w.Backfill.Milliseconds() {
		return Wait, 0 // a reconnect may still bring all of it, and what it does not is asked for together
	}
	for k, a := range w.Archives {
		switch {
		case a.expired(now, minute), l.Words[k] == Lacks:
		case l.Words[k] == Silent:
			hope = true
		case now < a.Ripe(minute):
			return Wait, 0
		default:
			return FromArchive, k
		}
	}
	switch {
	case now > minute.Milli()+w.Rules.Horizon.Milliseconds():
		if hope {
			return Wait, 0
		}
		return Lost, 0
	case w.Method == None:
		return Wait, 0
	}
	return Ask, 0
}

// Reach is how old a minute may be and still be had in any way.
func (w Ways) Reach() time.Duration {
	most := w.Rules.Horizon
	for _, a := range w.Archives {
		most = max(most, a.Horizon)
	}
	return most
}

// Ripe is the Unix millisecond of stream time from which on the archive may be read for the minute.
func (a *Copy) Ripe(m timeline.Minute) int64 { return (m + 1).Milli() + a.Delay.Milliseconds() }

func (a *Copy) expired(now int64, m timeline.Minute) bool {
	return now > m.Milli()+a.Horizon.Milliseconds()
}
