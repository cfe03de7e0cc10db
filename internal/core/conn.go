package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

type state uint8

const (
	waiting state = iota // will be tried at due
	dialing              // an attempt is under way
	live                 // response headers came
	closing              // was asked to end
)

// conn is what the core knows of one connection.
type conn struct {
	Conn
	index    int
	part     *partition
	state    state
	due      time.Time
	yields   bool        // waits for the outcome of another attempt to its dark partition
	dialedAt time.Time   // of the last attempt
	endedAt  time.Time   // of the last attempt that had been opened
	failed   bool        // the last attempt brought nothing, or not for long
	behind   *retry.Hold // what it waits in since then, nil: nothing

	// of the current attempt
	openedAt  time.Time
	answered  bool      // its header came
	closedAt  time.Time // when it was asked to end
	backfill  int
	sound     bool      // delivers: a Tweet came since the header, and no silence was reported since
	soundFrom int64     // id time from which it delivers everything, Unix ms
	newest    int64     // id time of its newest Tweet, Unix ms
	tweetAt   time.Time // of its last Tweet, or of the header
	fedAt     time.Time // of its last Tweet, this attempt's or an earlier one's
	fed       bool      // a Tweet came since the header
	known     int64     // id time of its partition's newest Tweet when the header came
	advanced  bool      // a Tweet newer than that came: backfill of a quiet stream only repeats old ones
	plain     bool      // the next attempt asks for no backfill: the last one, which did, was refused
	began     int64     // id time at which its header came, by what was known then; 0: nothing was
	brought   brought   // what it delivered, where it asked for backfill; nil: it did not
	unsure    bool      // opened while the stream's time was a guess: its first Tweets, perhaps of a backfill, tell it
	verdict   string    // class that an in-stream message announced
	message   string

	coverage timeline.Set // spans in which it was sound, this attempt's excluded
	backoff  backoff
	counters report.Counters
	job      *job      // what it asks for, nil: a connection to the stream
	heardAt  time.Time // when a message of X was last logged
	told     lastTold
}

// span is the id time that the current attempt covered up to now.
func (n *conn) span() timeline.Span {
	if !n.sound {
		return timeline.Span{}
	}
	return timeline.Span{From: n.soundFrom, To: n.newest}
}

// lively reports whether a Tweet came lately, and not only old ones: the opposite of silent, for judging
// others by.
func (n *conn) lively(now time.Time, silence time.Duration) bool {
	return n.state == live && n.advanced && now.Sub(n.tweetAt) < silence/2
}

func (c *Core) opened(n *conn) {
	n.answered = true
	c.attempts.budget.End(c.now)
	c.attempts.answered()
	if n.plain {
		n.part.refused(c.now)
		c.attempts.backfillTaken = false
		c.note(Warn, "%s: X refuses backfill for this stream; if it was not bought, set backfill = \"none\"", n)
	}
	n.plain = false
	if n.state == closing {
		return
	}
	n.state = live
	n.openedAt, n.tweetAt = c.now, c.now
	n.newest, n.known, n.unsure = 0, n.part.newest, c.clock.Guessed() || c.attempts.anyUnsure()
	if n.began = 0; c.clock.Set() {
		n.began = c.clock.At(c.now)
	}
	if n.brought = nil; n.backfill > 0 {
		n.brought = brought{}
	}
	c.gaps.Requested(n.part.index, n.index)
	n.counters.Connects++
	n.counters.Status = 200
	c.noteOpened(n)
}

// overlap is how long another connection must have delivered when one ends, for nothing to be missing:
// what was on its way on the one has then come on the other. A new connection gets what X sends from its
// header on, however old.
const overlap = 2 * time.Second

// unsound ends a connection's coverage at its newest Tweet; uncertain says that its last records may
// not have arrived, so that the settle time is not covered either, unless another connection delivered it.
func (c *Core) unsound(n *conn, cause string, uncertain bool) {
	if !n.sound {
		return
	}
	span := n.span()
	n.sound = false
	relief := n.part.relief()
	if uncertain {
		span.To -= settle.Milliseconds()
	}
	relieved := relief > 0 && relief <= n.newest-overlap.Milliseconds()
	if relieved {
		span.To = max(span.To, relief)
	}
	n.coverage.Add(span)
	if !relieved {
		c.uncovered(n, span.To, cause)
	}
}

func (c *Core) ended(n *conn, end End) {
	if !end.Opened {
		c.attempts.budget.End(c.now)
		c.attempts.answered()
	} else {
		n.counters.Disconnects++
		n.endedAt = c.now
	}
	if n.verdict != "" {
		end.Class, end.Message = n.verdict, n.message
	}
	if end.Status != 0 {
		n.counters.Status = end.Status
	}
	if !c.stopping {
		n.counters.Class = end.Class
	}
	c.unsound(n, end.Class, !c.stopping)
	c.abandon(n)
	n.state, n.behind, n.failed = waiting, nil, !n.fed || c.now.Sub(n.openedAt) < retry.Healthy
	if !n.failed {
		n.told = lastTold{}
	}
	n.due = c.now.Add(c.attempts.retryAfter(n, end))
	c.noteEnded(n, end)
	n.fed, n.advanced, n.unsure, n.verdict, n.message = false, false, false, "", ""
}

// connect starts what is due, within the budget: dark partitions first.
func (c *Core) connect() {
	if c.stopping {
		return
	}
	for {
		n := c.attempts.nextDue()
		if n == nil {
			return
		}
		if until := c.attempts.tried(n).Add(yieldFor); until.After(c.now) {
			n.yields, n.due = true, until
			continue
		}
		if at := c.attempts.earliest(n); at.After(c.now) {
			if h, _ := c.attempts.held(n); h != nil {
				n.behind = h
			}
			n.due = at
			continue
		}
		c.dial(n)
	}
}

// goesBefore puts dark partitions first, each in its turn, or one that X drops at once would keep the others from
// ever being tried; then goes by time, then by turns.
func (n *conn) goesBefore(o *conn) bool {
	dark := !n.part.lit()
	switch {
	case dark == o.part.lit():
		return dark
	case dark && n.part != o.part && !n.part.dialedAt.Equal(o.part.dialedAt):
		return n.part.dialedAt.Before(o.part.dialedAt)
	case !dark && !n.due.Equal(o.due):
		return n.due.Before(o.due)
	}
	return n.dialedAt.Before(o.dialedAt)
}

// yieldFor is how long a redundant connection waits to see what another attempt to a dark partition comes
// to: while X cannot be reached, one attempt tells as much as two, and costs half of the budget. And where
// X allows fewer connections than wanted it cuts the newest, or the oldest: then each partition keeps one.
const yieldFor = time.Second

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (c *Core) dial(n *conn) {
	c.attempts.dialed(n)
	n.state, n.dialedAt, n.yields, n.answered = dialing, c.now, false, false
	n.backfill = 0
	if !n.plain {
		n.backfill = c.minutesToAsk(n)
	}
	if n.backfill > 0 {
		n.counters.Backfills++
	}
	c.durable.intents = append(c.durable.intents, n)
}

// hangUp asks the engine to end a connection.
func (c *Core) hangUp(n *conn, class string) {
	n.state, n.closedAt = closing, c.now
	c.out.Close = append(c.out.Close, Close{Conn: n.index, Class: class})
}

// silent judges a connection that delivers bytes but no Tweets: it is replaced within the budget, one
// at a time where the whole stream is silent, since a quiet stream must not churn.
func (c *Core) silent(n *conn) {
	if n.state != live {
		return
	}
	c.unsound(n, "silence", true)
	wait, quiet := &n.backoff.silence, !c.anyLively()
	if quiet {
		wait = &c.attempts.quiet
	}
	if !wait.Over(c.now) || quiet && c.attempts.anyReplacing() || c.attempts.earliest(n).After(c.now) {
		return // kept: it reports again, and a kept connection may still recover
	}
	wait.Take(c.now, 10*time.Second, 320*time.Second)
	c.hangUp(n, "silence")
}

func (c *Core) anyLively() bool {
	for _, n := range c.conns {
		if n.lively(c.now, c.cfg.SilenceTimeout) {
			return true
		}
	}
	return false
}

// abandon takes from n, which ended, the gaps that it was asked to fill and did not.
func (c *Core) abandon(n *conn) {
	c.gaps.Release(n.part.index, n.index)
	c.unask()
	c.gaps.Grown(n.part.index)
}
