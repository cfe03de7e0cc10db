package core

import (
	"maps"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/inflight"
	"github.com/decahose/telegraf-decahose/internal/core/seen"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// accepted is what is known of Tweets behind the sink.
type accepted struct {
	loop    feedback.Loop
	heard   time.Time // when the last report came; the first Step before there was one
	told    time.Time // when the log last said that none come
	before  int64     // what was written before this time has left Telegraf's buffers, Unix ns
	pause   bool
	dropped int64 // metrics that Telegraf dropped, as far as it said

	refused int64
}

// feedbackPatience is how long Telegraf's reports may be missing before Tweets settle by time alone.
const feedbackPatience = time.Minute

// written posts the next n Tweets as safe.
func (c *Core) written(n int) {
	for _, t := range c.inFlight.Wrote(n, c.now, c.wall) {
		r := c.at(int(t.Partition)).book.Row(t.Minute())
		r.Emitted++
		if !c.cfg.Acknowledged {
			r.Untracked++
		}
		r.Touch()
	}
	c.emitted += int64(n)
}

// delivered posts what became of Tweets that the outputs were given.
func (c *Core) delivered(sent, refused []ledger.Sent) {
	for _, t := range sent {
		r := c.rowOf(t)
		r.PostDelivered(t.ID)
	}
	for _, t := range refused {
		r := c.rowOf(t)
		r.PostRefused()
	}
	c.accepted.refused += int64(len(refused))
}

// rowOf is the account that a Tweet was posted to.
func (c *Core) rowOf(t ledger.Sent) *ledger.Row {
	p := c.account(int(t.Partition))
	return p.book.Row(p.accountOf(t.ID.Milli(), &c.bounds))
}

// hasSettled says which Tweets may be stored as seen. What a killed process wrote last may never have been read, and
// what Telegraf holds in a buffer is lost with it; the outputs' own word needs no time.
func (c *Core) hasSettled(all bool) func(*inflight.Write) bool {
	blind := c.feedbackMissing()
	return func(w *inflight.Write) bool {
		if c.cfg.Acknowledged || all {
			return true
		}
		if c.cfg.Feedback && !blind && w.Wall >= c.accepted.before {
			return false
		}
		return c.now.Sub(w.At) >= settle
	}
}

// feedbackMissing reports whether Telegraf should report and does not.
func (c *Core) feedbackMissing() bool {
	a := &c.accepted
	if !c.cfg.Feedback {
		return false
	}
	if a.heard.IsZero() {
		a.heard = c.begun
	}
	if c.now.Sub(a.heard) < feedbackPatience {
		return false
	}
	if a.told.IsZero() || c.now.Sub(a.told) >= noteAgain {
		a.told = c.now
		c.note(Warn, "feedback: no internal_write has come for %v; what was written counts as taken after %v, and drops go unseen",
			c.now.Sub(a.heard).Round(time.Second), settle)
	}
	return true
}

// reported folds what Telegraf says of a buffer: what left it has settled, and what it dropped is missing again.
func (c *Core) reported(r feedback.Report) {
	a := &c.accepted
	if !a.told.IsZero() {
		c.note(Info, "feedback: internal_write comes again")
	}
	a.heard, a.told = c.now, time.Time{}
	e := a.loop.Fold(r)
	a.before = e.Before
	if e.Pause != a.pause {
		a.pause = e.Pause
		c.notePause(r)
	}
	c.out.Feedback = &e
	if e.Dropped > 0 {
		a.dropped += e.Dropped
		c.drop(e, r.Output)
	}
}

func (c *Core) notePause(r feedback.Report) {
	if c.accepted.pause {
		c.note(Warn, "output %s holds %d of %d metrics: nothing is written until its buffer empties", printable(r.Output), r.Size, r.Limit)
	} else {
		c.note(Info, "the outputs' buffers have emptied: writing goes on")
	}
}

// drop makes the minutes missing whose Tweets may be among those that Telegraf threw away.
func (c *Core) drop(e feedback.Effect, output string) {
	var lost []ledger.Sent
	c.inFlight.Drop(e.DroppedFrom, e.DroppedTo, func(t inflight.Tweet) {
		lost = append(lost, ledger.Sent{ID: t.ID, Partition: int32(c.at(int(t.Partition)).id)})
	})
	minutes := c.loseTweets(lost, ledger.CauseDropped, false)
	c.note(Error, "output %s dropped %d metrics: %d Tweets written from %s to %s may be among them; %s missing",
		printable(output), e.Dropped, len(lost), clockTime(e.DroppedFrom), clockTime(e.DroppedTo), timeline.InWords(minutes))
}

func clockTime(ns int64) string { return time.Unix(0, ns).UTC().Format("15:04:05.000") }

// loseTweets takes back that Tweets were emitted: they are to be had again. Their first copies become duplicates of those to
// come, so that the book goes on to balance. It returns how many minutes are missing because of it.
func (c *Core) loseTweets(lost []ledger.Sent, cause string, stored bool) (minutes int) {
	missing := map[account]bool{}
	for _, t := range lost {
		c.seen.Unsee(t.ID)
		p, m := c.account(int(t.Partition)), timeline.MinuteOf(t.ID.Milli())
		c.rowOf(t).Unpost(t.ID, stored)
		if !c.askable(m) { // nobody has Tweets of no time that the stream was at
			continue
		}
		missing[account{p.index, m}] = true
	}
	for _, k := range slices.SortedFunc(maps.Keys(missing), account.compare) {
		c.missAgain(k, cause)
	}
	return len(missing)
}

// missAgain opens the gap of one minute; where the partition is not known, of all. What a request or a backfill
// brought of the minute, and has not settled, counts for nothing.
func (c *Core) missAgain(k account, cause string) {
	c.spoil(c.at(k.partition).id, k.minute)
	for _, p := range c.partitions {
		if k.partition != p.index && k.partition != c.any.index {
			continue
		}
		for _, n := range p.conns {
			n.brought.spoil(k.minute)
		}
		c.reopen(p, k.minute.Span(), cause)
	}
}

// adopt takes over what earlier processes left in the spool, after the book was restored.
func (c *Core) adopt(s *ledger.Spooled) {
	if s == nil {
		return
	}
	if s.Doubtful {
		c.note(Error, "the spool was damaged: minutes whose delivered stays below emitted may lack Tweets in the stores")
	}
	for k, list := range [...][]ledger.Sent{s.Waiting, s.Refused} {
		if s.Doubtful {
			break // the ledger has not counted them as delivered
		}
		for _, t := range list {
			if r := c.account(int(t.Partition)).book.Find(timeline.MinuteOf(t.ID.Milli())); r != nil {
				r.Undeliver(t.ID, k == 1)
			}
		}
	}
	for _, t := range s.Unknown { // spooled, so seen; the ledger was not written any more
		p := c.account(int(t.Partition))
		m := p.accountOf(t.ID.Milli(), &c.bounds)
		r := p.book.Row(m)
		r.PostUnique(t.ID.Milli(), 0)
		r.Given++
		c.seen.Know(t.ID, seen.StoredWitness)
		c.inFlight.Push(inflight.Tweet{ID: t.ID, Partition: int32(p.index), Elsewhere: m == ledger.Elsewhere})
		c.written(1)
	}
	c.loseAgain(s.Lost)
}

// loseAgain makes Tweets missing that the spool lost, unless their minute was filled, or given up, since.
func (c *Core) loseAgain(lost []ledger.Sent) {
	var fresh []ledger.Sent
	for _, t := range lost {
		p, m := c.account(int(t.Partition)), timeline.MinuteOf(t.ID.Milli())
		span := m.Span()
		switch {
		case p.book.Recovered.Covered(span)+p.book.Lost.Covered(span) > 0:
		case c.gaps.HoldsFor(p.index, span, ledger.CauseSpool):
			c.seen.Unsee(t.ID)
		default:
			fresh = append(fresh, t)
		}
	}
	if len(fresh) > 0 {
		c.note(Error, "the spool lost %d Tweets of %s: they are missing", len(fresh), timeline.InWords(c.loseTweets(fresh, ledger.CauseSpool, true)))
	}
}
