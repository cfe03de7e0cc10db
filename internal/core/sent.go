package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// sent are the Tweets on their way from emission to the store, in order: first they are written out, then
// they settle, since what a killed process wrote last may never have been read. Only then are they stored as
// seen, and only then does anything that stands behind them count.
type sent struct {
	queue   []sentTweet // from head on; the part before it is used up
	head    int
	written int    // index into queue: those before it were written out
	marks   []mark // runs of queue from head on, by when they were written, or became safe otherwise
	pushed  uint64 // Tweets that ever entered
	settled uint64 // Tweets that ever left
}

// spareMost is how many Tweets' room is kept however few there are: some seconds of the usual rate.
const spareMost = 64 << 10

type sentTweet struct {
	id        snowflake.ID
	partition int32 // index of its account
	live      bool  // not from a request: the position waits for it
	elsewhere bool  // posted to the account of Tweets of no time that the stream can be at
}

// minute is the one to whose account the Tweet was posted.
func (t *sentTweet) minute() timeline.Minute {
	if t.elsewhere {
		return ledger.Elsewhere
	}
	return timeline.MinuteOf(t.id.Milli())
}

type mark struct {
	n    int
	at   time.Time
	wall int64 // the same on this host's clock, Unix ns
}

func (s *sent) push(t sentTweet) {
	s.queue = append(s.queue, t)
	s.pushed++
}

// wrote notes that the next n Tweets were written out, and returns them. They are valid until the next push.
func (s *sent) wrote(n int, now time.Time, wall int64) []sentTweet {
	if n == 0 {
		return nil
	}
	s.written += n
	if s.written > len(s.queue) {
		panic("BUG: more Tweets were written than emitted")
	}
	if k := len(s.marks); k > 0 && s.marks[k-1].at.Equal(now) {
		s.marks[k-1].n += n
	} else {
		s.marks = append(s.marks, mark{n, now, wall})
	}
	return s.queue[s.written-n : s.written]
}

// out is how many Tweets were ever written out.
func (s *sent) out() uint64 { return s.settled + uint64(s.written-s.head) }

// settle takes out the Tweets up to the first whose writing has not settled. They are valid until the next push.
func (s *sent) settle(settled func(*mark) bool) []sentTweet {
	s.compact()
	n, k := 0, 0
	for k < len(s.marks) && settled(&s.marks[k]) {
		n += s.marks[k].n
		k++
	}
	s.marks = append(s.marks[:0], s.marks[k:]...)
	from := s.head
	s.head += n
	s.settled += uint64(n)
	return s.queue[from:s.head]
}

// compact drops the used-up part, now that nobody holds it.
func (s *sent) compact() {
	rest := s.queue[s.head:]
	if cap(s.queue) > spareMost && cap(s.queue) > 4*len(rest) { // a burst gives its memory back
		s.queue = append(make([]sentTweet, 0, 2*len(rest)), rest...)
	} else {
		s.queue = s.queue[:copy(s.queue, rest)]
	}
	s.written -= s.head
	s.head = 0
}

// unsettled are the Tweets that have not left.
func (s *sent) unsettled() []sentTweet { return s.queue[s.head:] }
