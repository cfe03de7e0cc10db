package refill

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// slack, in milliseconds, is how far a record may be out of order: what is older by more has passed. X delivers
	// chronologically (X: Replay API); in live streams neighbours are out of order by 0.1 s at most, rarely by seconds.
	slack = 10_000
	// agree is how many Tweets in a row must be that far for the delivery to be so: single ones may lie far
	// ahead, such as edits, whose ids are younger than the Tweet they stand for.
	agree = 3
)

// Job follows one request by what comes, and says which of its minutes are whole. It has one owner and no lock.
type Job struct {
	request                               Request
	tweets, fresh, broken, others, strays int64
	came                                  []seconds       // by minute of the request
	last                                  [agree]int64    // times of the last Tweets of the request
	position                              int64           // Unix ms: the delivery has come so far, give or take slack
	torn                                  timeline.Set    // what records that were not whole may have been of
	tear                                  timeline.Span   // what the broken record may be of, as far as known; empty: none is open
	whole                                 timeline.Minute // all before it are proven
	ended                                 ending
}

// NewJob follows a request of at least one minute.
func NewJob(q Request) *Job {
	if q.From >= q.To {
		panic("BUG: request for no minute")
	}
	start := q.From.Milli()
	return &Job{
		request: q, came: make([]seconds, q.To-q.From), whole: q.From,
		position: start, last: [agree]int64(slices.Repeat([]int64{start}, agree)),
	}
}

// Tweet tells of a Tweet of id time ms, in Unix ms; fresh if it is not a copy.
func (j *Job) Tweet(ms int64, fresh bool) {
	j.tweets++
	if fresh {
		j.fresh++
	}
	if !j.holds(timeline.MinuteOf(ms)) {
		j.strays++
		return
	}
	j.came[timeline.MinuteOf(ms)-j.request.From].add(ms)
	if !j.tear.Empty() && ms >= j.position {
		j.torn.Add(timeline.Span{From: j.tear.From, To: ms + slack})
		j.tear = timeline.Span{}
	}
	copy(j.last[:], j.last[1:])
	j.last[agree-1] = ms
	j.position = max(j.position, slices.Min(j.last[:]))
}

// Broken tells of a record that was not whole. It may have been a Tweet of any minute between those that came
// before it and the next one.
func (j *Job) Broken() {
	j.broken++
	j.tear = timeline.Span{From: j.position - slack, To: j.request.To.Milli()} // position stands still until it is closed
}

// Other tells of a valid record that is neither a Tweet nor a message about the stream.
func (j *Job) Other() { j.others++ }

// Notice tells of a message about the stream; over says that by it X ended the request. Others, errors included,
// end nothing: the connection's end will.
func (j *Job) Notice(n wire.NoticeMessage) (over bool) {
	result := resultOf(n.Message)
	if result != "" {
		j.ended = ending{result, n}
	}
	return result != ""
}

// Whole is up to where the minutes have been delivered completely, from the request's first one on, as far as is
// certain before the end. X names minutes that it failed to deliver only then, and denies all of it by its count, see
// End; so what stands out as empty is not whole before that.
func (j *Job) Whole() timeline.Minute {
	for j.holds(j.whole) && j.proven(j.whole) {
		j.whole++
	}
	return j.whole
}

// proven says that the minute came, and that by the order of delivery nothing of it is still to come. Once true
// it stays so: what is torn lies behind it.
func (j *Job) proven(m timeline.Minute) bool {
	return j.position >= (m+1).Milli()+slack && j.torn.Covered(m.Span()) == 0 && j.full(m)
}

// full says that the minute is about as full as the others that came: no stretch of it is empty that should hold many
// Tweets, and there are two thirds as many as in the mean.
func (j *Job) full(m timeline.Minute) bool {
	c := j.came[m-j.request.From]
	perMinute := j.perMinute()
	return c.n > 0 && (perMinute < enough || 3*int64(c.n) >= 2*perMinute) && c.filled(slot(perMinute))
}

// perMinute is the mean number of Tweets in the minutes that have passed.
func (j *Job) perMinute() int64 {
	sum, minutes := int64(0), int64(0)
	for i := range j.came {
		if m := j.request.From + timeline.Minute(i); j.position >= (m+1).Milli() && j.came[i].n > 0 {
			sum += int64(j.came[i].n)
			minutes++
		}
	}
	return sum / max(1, minutes)
}

// seconds counts the Tweets of a minute, and tells in which of its seconds there were some.
type seconds struct {
	n   int32
	any uint64 // by second
}

func (s *seconds) add(ms int64) {
	s.n++
	s.any |= 1 << (ms / 1000 % 60)
}

// filled reports whether each slot of so many seconds holds a Tweet.
func (s *seconds) filled(slot int) bool {
	for at := 0; at < 60; at += slot {
		if s.any>>at&(1<<slot-1) == 0 {
			return false
		}
	}
	return true
}

// enough is how many Tweets one must expect for their absence to mean something.
const enough = 20

// slot is the shortest stretch, in seconds, in which one should expect enough Tweets, 60 where none is.
func slot(perMinute int64) int {
	for _, s := range [...]int64{1, 5, 15} {
		if perMinute*s >= enough*60 {
			return int(s)
		}
	}
	return 60
}

func (j *Job) holds(m timeline.Minute) bool { return j.request.From <= m && m < j.request.To }

// Request is what the Job follows.
func (j *Job) Request() Request { return j.request }

// At is the minute being delivered.
func (j *Job) At() timeline.Minute { return timeline.MinuteOf(j.position) }

// Came is how many Tweets came of the minute, copies included.
func (j *Job) Came(m timeline.Minute) int64 { return int64(j.came[m-j.request.From].n) }

// MinutesDone is how many minutes the delivery has passed, whole or not.
func (j *Job) MinutesDone() int64 { return int64(j.At() - j.request.From) }

// Tweets is how many Tweets came, copies and strays included.
func (j *Job) Tweets() int64 { return j.tweets }

// New is how many of the Tweets were not known.
func (j *Job) New() int64 { return j.fresh }
