package stream

import (
	"sync"
	"time"
)

// watch holds the two watchdogs of a connection. They run only between wait and got, that is while the
// reader is blocked in the socket: X is not silent while we are the slow side, and cutting a healthy
// connection because our output is slow would lose what X has queued for us.
//
// The reader's goroutine and the timer's share it under mu, which is never held during a call out.
type watch struct {
	heartbeat, silence time.Duration // 0: off
	silent, dead       func()

	mu    sync.Mutex
	told  *sync.Cond  // reporting became false
	timer *time.Timer // nil until needed; set anew only to fire earlier, or when it fired
	at    time.Time   // when the timer fires; zero: it does not

	waiting   bool          // the reader is in the socket
	reporting bool          // the timer's goroutine is calling silent
	since     time.Time     // begin of this wait, moved on by the time that reports took
	waited    time.Duration // earlier waits since the last Tweet or the header
	due       time.Duration // waited at which silence is to be reported next
	bytes     bool          // some byte came since the last Tweet or the header
}

func newWatch(heartbeat, silence time.Duration, silent, dead func()) *watch {
	w := &watch{heartbeat: heartbeat, silence: silence, silent: silent, dead: dead, due: silence}
	w.told = sync.NewCond(&w.mu)
	return w
}

// wait starts the watchdogs: the reader is about to block. A silence that ran out while no byte came is
// reported here, as soon as there was one that brought no Tweet.
func (w *watch) wait() {
	w.mu.Lock()
	overdue := w.silence > 0 && w.bytes && w.waited >= w.due
	w.mu.Unlock()
	if overdue {
		w.silent()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if overdue {
		w.due = w.waited + w.silence
	}
	w.since, w.waiting = time.Now(), true
	w.set(w.since)
}

// got stops them: the reader came back with n bytes. It waits for a report that is under way, so that
// the receiver hears one thing at a time.
func (w *watch) got(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.reporting {
		w.told.Wait()
	}
	w.waiting = false
	w.waited += time.Since(w.since)
	w.bytes = w.bytes || n > 0
}

// tweet begins the silence anew. Only the reader calls it, outside of wait and got.
func (w *watch) tweet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waited, w.due, w.bytes = 0, w.silence, false
}

// stop frees the timer. It is called after the last got, so nothing is reported after it.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// set lets the timer fire at the next deadline. One that fires too early finds nothing due and is set
// again, which is cheaper than moving it at each read.
func (w *watch) set(now time.Time) {
	next := w.next()
	if next.IsZero() || !w.at.IsZero() && !next.Before(w.at) {
		return
	}
	w.at = next
	if w.timer == nil {
		w.timer = time.AfterFunc(next.Sub(now), w.fire)
		return
	}
	w.timer.Reset(next.Sub(now))
}

// next is the earlier deadline of this wait, zero where there is none. Silence without a byte has none:
// it is left to the heartbeat.
func (w *watch) next() (at time.Time) {
	if w.heartbeat > 0 {
		at = w.since.Add(w.heartbeat)
	}
	if w.silence > 0 && w.bytes {
		if s := w.since.Add(w.due - w.waited); at.IsZero() || s.Before(at) {
			at = s
		}
	}
	return at
}

const (
	// lateness of the timer from which on this process must have been stopped or starved: then the socket
	// may hold what X sent meanwhile, and the reader gets grace to fetch it before anything is judged.
	lateness = 200 * time.Millisecond
	grace    = time.Second
)

// fire looks what is due. It trusts the state alone, never the moment at which it was to fire, unless that
// is long past.
func (w *watch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	late := time.Since(w.at) >= lateness && !w.at.IsZero()
	w.at = time.Time{}
	if !w.waiting || w.reporting {
		return
	}
	if late {
		w.at = time.Now().Add(grace)
		w.timer.Reset(grace)
		return
	}
	wait := time.Since(w.since)
	if w.heartbeat > 0 && wait >= w.heartbeat {
		w.mu.Unlock()
		w.dead()
		w.mu.Lock()
		return
	}
	if w.silence > 0 && w.bytes && w.waited+wait >= w.due {
		w.due = w.waited + wait + w.silence
		w.report()
	}
	w.set(time.Now())
}

// report calls silent without mu, and does not count the time that it took as X's.
func (w *watch) report() {
	w.reporting = true
	w.mu.Unlock()
	began := time.Now()
	w.silent()
	w.mu.Lock()
	w.since = w.since.Add(time.Since(began))
	w.reporting = false
	w.told.Broadcast()
}
