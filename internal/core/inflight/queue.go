package inflight

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Queue holds the Tweets in flight, in the order of their emission.
type Queue struct {
	tweets  []Tweet // from head on; the part before it is used up
	head    int
	written int     // index into tweets: those before it were written out
	writes  []Write // runs of tweets from head on, by when they were written, or became safe otherwise
	pushed  uint64  // Tweets that ever entered
	settled uint64  // Tweets that ever left
}

// keptRoom is how many Tweets' room is kept however few there are: some seconds of the usual rate.
const keptRoom = 64 << 10

// Tweet is one in flight.
type Tweet struct {
	ID        snowflake.ID // 0: it was dropped behind us, and is to be had again
	Partition int32        // index of its account
	Live      bool         // not from a request: the position waits for it
	Elsewhere bool         // posted to the account of Tweets of no time that the stream can be at
}

// Minute is the one to whose account the Tweet was posted.
func (t *Tweet) Minute() timeline.Minute {
	if t.Elsewhere {
		return ledger.Elsewhere
	}
	return timeline.MinuteOf(t.ID.Milli())
}

// Write is a run of Tweets that were written out together.
type Write struct {
	n    int
	At   time.Time
	Wall int64 // the same on this host's clock, Unix ns
}

// Push adds a Tweet that is emitted.
func (q *Queue) Push(t Tweet) {
	q.tweets = append(q.tweets, t)
	q.pushed++
}

// Wrote notes that the next n Tweets were written out, and returns them. They are valid until the next Push.
func (q *Queue) Wrote(n int, now time.Time, wall int64) []Tweet {
	if n == 0 {
		return nil
	}
	q.written += n
	if q.written > len(q.tweets) {
		panic("BUG: more Tweets were written than emitted")
	}
	if k := len(q.writes); k > 0 && q.writes[k-1].At.Equal(now) {
		q.writes[k-1].n += n
	} else {
		q.writes = append(q.writes, Write{n, now, wall})
	}
	return q.tweets[q.written-n : q.written]
}

// Pushed is how many Tweets ever entered, Written how many were ever written out, Settled how many ever left.
func (q *Queue) Pushed() uint64  { return q.pushed }
func (q *Queue) Written() uint64 { return q.settled + uint64(q.written-q.head) }
func (q *Queue) Settled() uint64 { return q.settled }

// Settle takes out the Tweets up to the first whose write has not settled. They are valid until the next Push.
func (q *Queue) Settle(settled func(*Write) bool) []Tweet {
	q.compact()
	n, k := 0, 0
	for k < len(q.writes) && settled(&q.writes[k]) {
		n += q.writes[k].n
		k++
	}
	q.writes = append(q.writes[:0], q.writes[k:]...)
	from := q.head
	q.head += n
	q.settled += uint64(n)
	return q.tweets[from:q.head]
}

// compact drops the used-up part, now that nobody holds it.
func (q *Queue) compact() {
	rest := q.tweets[q.head:]
	if cap(q.tweets) > keptRoom && cap(q.tweets) > 4*len(rest) { // a burst gives its memory back
		q.tweets = append(make([]Tweet, 0, 2*len(rest)), rest...)
	} else {
		q.tweets = q.tweets[:copy(q.tweets, rest)]
	}
	q.written -= q.head
	q.head = 0
}

// Unsettled are the Tweets that have not left.
func (q *Queue) Unsettled() []Tweet { return q.tweets[q.head:] }

// Drop takes out of flight what was written between the two times of this host's clock, Unix ns, both included, and calls
// hear with each: it will not be stored as seen.
func (q *Queue) Drop(from, to int64, hear func(Tweet)) {
	i := q.head
	for _, w := range q.writes {
		for k := i; k < i+w.n; k++ {
			if t := &q.tweets[k]; t.ID != 0 && w.Wall >= from && w.Wall <= to {
				hear(*t)
				t.ID = 0
			}
		}
		i += w.n
	}
}
