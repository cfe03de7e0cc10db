package core

import (
	"errors"

	"github.com/decahose/telegraf-decahose/internal/core/inflight"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// received takes a batch: each record is counted before anything may drop it, looked up, and only if
// it is new parsed and, when whole, marked as seen. A damaged first copy therefore never shadows a
// good second one.
func (c *Core) received(n *conn, b *wire.Batch) {
	k := &n.counters
	k.Tally(b)
	c.parser.Reset()
	c.follow(c.clock.Listen(c.now, c.wall))
	c.bound()
	before := k.Tweets
	newest := int64(0)
	for i := range b.Frames {
		f := &b.Frames[i]
		switch f.Kind {
		case wire.Record:
			if c.record(n, f) {
				if n.brought != nil && c.clock.Near(f.ID.Milli()) {
					n.brought.add(f.ID.Milli())
				}
				newest = max(newest, c.clock.Hear(n.index, f.ID.Milli()))
			}
		case wire.Notice:
			k.Notices++
			c.notice(n, f.Data)
		default:
			c.malformed(n, f.Data)
		}
	}
	if k.Tweets > before {
		c.clock.Heard(newest)
		c.bound()
		c.fed(n, newest)
	}
}

// follow notes that the stream's time is later by moved ms than was thought. Where that is more than Tweets are late,
// this host slept, or X left something out: nobody knows whether all of it came. Nothing was covered that is to come.
func (c *Core) follow(moved int64) {
	switch {
	case moved > settle.Milliseconds():
		for _, n := range c.conns {
			c.unsound(n, ledger.CauseClock, true)
		}
	case moved < 0:
		for _, p := range c.partitions {
			p.cutOff(c.clock.At(c.now), c.gaps.Filled(p.index))
		}
	}
}

// record posts one record to exactly one account and reports whether it is a Tweet.
func (c *Core) record(n *conn, f *wire.Frame) bool {
	witness := uint8(n.Index)
	known, before := c.seen.Look(f.ID, witness)
	if known { // whatever this copy is, the witness is noted
		c.capture(n, f, before)
	}
	if known && !c.seen.Unseen(f.ID) {
		c.duplicate(n, f)
		return true
	}
	t := c.next()
	err := c.parser.Parse(f.Data, t)
	if err == nil && t.ID != f.ID {
		err = tweet.ErrMalformed // an id that two careful readers read differently is none
	}
	if err == nil && t.Repaired && n.job == nil && n.part.soundBeside(n) && c.seen.Doubt(f.ID, n.index) { // another connection may bring it whole
		err = tweet.ErrMalformed
	}
	if err != nil {
		c.takeBack()
		if errors.Is(err, tweet.ErrNotTweet) {
			n.counters.Notices++
			c.notice(n, f.Data)
		} else {
			c.malformed(n, f.Data)
		}
		return false
	}
	c.seen.Retake(f.ID)
	c.seen.Know(f.ID, witness)
	if !known {
		c.capture(n, f, 0)
	}
	c.unique(n, f, t)
	return true
}

// takeBack takes the last Tweet out of Ready, and lets go of the batch that it points into.
func (c *Core) takeBack() {
	last := len(c.out.Tweets) - 1
	c.out.Tweets[last] = tweet.Tweet{}
	c.out.Tweets = c.out.Tweets[:last]
}

// next is room for one more Tweet in Ready: Parse overwrites it.
func (c *Core) next() *tweet.Tweet {
	k := len(c.out.Tweets)
	if k == cap(c.out.Tweets) {
		c.out.Tweets = append(c.out.Tweets, tweet.Tweet{})
	} else {
		c.out.Tweets = c.out.Tweets[:k+1]
	}
	return &c.out.Tweets[k]
}

// row is the account that a record is posted to. The minutes of a request are over: they are closed.
func (c *Core) row(n *conn, m timeline.Minute) *ledger.Row {
	r := n.part.book.Row(m)
	if n.job != nil && !r.Closed() && (m+1).Milli()+30_000 <= c.clock.At(c.now) {
		r.Close()
	}
	return r
}

// capture notes that n brought a Tweet, which the witnesses of before had brought.
func (c *Core) capture(n *conn, f *wire.Frame, before uint8) {
	if n.job == nil {
		n.part.book.Row(n.part.accountOf(f.ID.Milli(), &c.bounds)).Capture(before, n.Index)
	}
}

// duplicate posts a copy of a Tweet.
func (c *Core) duplicate(n *conn, f *wire.Frame) {
	ms := f.ID.Milli()
	why := n.causeOf(ms)
	n.counters.Tweets++
	n.counters.Copies[why]++
	r := c.row(n, n.part.accountOf(ms, &c.bounds))
	r.PostDuplicate(why, len(f.Data))
}

// causeOf says why n brings a copy of the id time ms.
func (n *conn) causeOf(ms int64) ledger.Cause {
	switch {
	case n.job != nil:
		return ledger.Replay
	case ms < n.began:
		return ledger.Backfill
	}
	return ledger.Redundant
}

func (c *Core) unique(n *conn, f *wire.Frame, t *tweet.Tweet) {
	n.counters.Tweets++
	n.counters.First++
	ms := f.ID.Milli()
	m := n.part.accountOf(ms, &c.bounds)
	r := c.row(n, m)
	r.PostUnique(ms, len(f.Data))
	if _, collided := f.ID.Nano(); collided {
		c.collisions++
	}
	c.inFlight.Push(inflight.Tweet{ID: f.ID, Partition: int32(n.part.index), Live: n.job == nil, Elsewhere: m == ledger.Elsewhere})
	if c.cfg.Tweets == TweetsNone {
		c.takeBack()
		c.inFlight.Wrote(1, c.now, c.wall)
		return
	}
	r.Given++
	t.ReceivedAt = c.now.UnixNano()
	c.out.From = append(c.out.From, int32(n.part.id))
}

// fed notes that a connection delivered Tweets, the newest of id time newest (0: none that counts).
func (c *Core) fed(n *conn, newest int64) {
	n.tweetAt, n.fedAt, n.fed = c.now, c.now, true
	n.backoff.refused = 0
	c.attempts.backfillTaken = c.attempts.backfillTaken || n.backfill > 0
	c.attempts.healed(n)
	if newest > n.known {
		n.advanced = true
		n.backoff.silence.Reset()
		c.attempts.quiet.Reset()
	}
	if n.unsure && c.now.Sub(n.openedAt) >= settle {
		n.unsure = false
		c.gaps.Promise(n.part.index, n.index, c.clock.At(n.dialedAt)-int64(n.backfill)*timeline.MinuteMilli)
	}
	if newest == 0 {
		return
	}
	n.counters.LagMilli = max(0, c.now.UnixMilli()-newest)
	news := newest > n.newest // an old Tweet ends no silence
	n.newest = max(newest, n.newest)
	n.part.newest = max(newest, n.part.newest)
	if news && !n.sound && !n.unsure && n.state == live && n.verdict == "" {
		c.soundAgain(n)
	}
	if n.sound {
		c.attempts.soundAt = c.now
	}
}

// soundAgain begins the coverage of an attempt: from the id time at which its header came, or, after a
// silence, from the Tweet that ended it.
func (c *Core) soundAgain(n *conn) {
	from := c.clock.At(n.openedAt)
	if spans := n.coverage.Spans(); len(spans) > 0 && spans[len(spans)-1].To > from {
		from = n.newest
	}
	n.sound, n.soundFrom = true, from
	if !n.part.soundBeside(n) {
		n.part.litAt = from
	}
	if p := n.part; p.begin == 0 {
		p.begin = n.soundFrom
		c.durable.factsAt = c.now // from here on the partition is promised to be whole, also to the next process
	}
	c.gaps.Covered(n.part.index, n.soundFrom)
}

// closeMinutes closes the minutes that ids on all lit partitions have passed by 15 s, or time by 30 s.
func (c *Core) closeMinutes() {
	mark, now := c.watermark(), c.clock.At(c.now)
	due := func(m timeline.Minute) bool {
		end := (m + 1).Milli()
		return mark >= end+15_000 || now >= end+30_000
	}
	n := 0
	oldest := timeline.MinuteOf(now)
	for _, p := range c.partitions {
		n += p.book.Close(due, func(m timeline.Minute, r *ledger.Row) {
			p.decide(r)
			c.closing(p, m, r)
		})
		if m, ok := p.book.OldestOpen(); ok {
			oldest = min(oldest, m)
		}
	}
	c.any.book.Close(due, func(timeline.Minute, *ledger.Row) {})
	if n > 0 {
		c.seen.CloseBefore(oldest.Milli())
		for _, p := range c.partitions {
			p.book.Unwitnessed(oldest)
		}
		c.tellAt = c.now
		c.judgeVolumes()
	}
}

// watermark is the id time that every lit partition has reached.
func (c *Core) watermark() int64 {
	mark := int64(-1)
	for _, p := range c.partitions {
		if p.lit() && (mark < 0 || p.newest < mark) {
			mark = p.newest
		}
	}
	return mark
}

// decide says, as a minute closes, which connection missed what the others delivered.
func (p *partition) decide(r *ledger.Row) {
	for _, n := range p.conns {
		n.counters.Missed += r.Missed(n.Index)
	}
}

// openMinutes gives each minute that the stream's time has reached an account, so that one in which
// nothing came is reported too.
func (c *Core) openMinutes(p *partition) {
	if p.begin == 0 || c.clock.Guessed() {
		return
	}
	now := timeline.MinuteOf(c.clock.At(c.now))
	first := max(timeline.MinuteOf(p.begin), p.minute, now-timeline.Minute(c.ways.Reach().Minutes()))
	for m := first; m <= now; m++ {
		p.book.Row(m)
	}
	p.minute = now
}
