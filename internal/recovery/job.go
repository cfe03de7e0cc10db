package recovery

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/wire"
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
	held                                  []bool          // by minute of the request: a Tweet of it came
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
		request: q, held: make([]bool, q.To-q.From), whole: q.From,
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
	j.held[timeline.MinuteOf(ms)-j.request.From] = true
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
// certain before the end. An empty minute is not: it may be one that is left out. X's count, which comes last,
// may deny it all, see End.
func (j *Job) Whole() timeline.Minute {
	for j.holds(j.whole) && j.proven(j.whole) {
		j.whole++
	}
	return j.whole
}

// proven says that the minute came, and that by the order of delivery nothing of it is still to come. Once true
// it stays so: what is torn lies behind it.
func (j *Job) proven(m timeline.Minute) bool {
	return j.held[m-j.request.From] && j.position >= (m+1).Milli()+slack && j.torn.Covered(m.Span()) == 0
}

func (j *Job) holds(m timeline.Minute) bool { return j.request.From <= m && m < j.request.To }

// Request is what the Job follows.
func (j *Job) Request() Request { return j.request }

// At is the minute being delivered.
func (j *Job) At() timeline.Minute { return timeline.MinuteOf(j.position) }

// MinutesDone is how many minutes the delivery has passed, whole or not.
func (j *Job) MinutesDone() int64 { return int64(j.At() - j.request.From) }

// Tweets is how many Tweets came, copies and strays included.
func (j *Job) Tweets() int64 { return j.tweets }

// New is how many of the Tweets were not known.
func (j *Job) New() int64 { return j.fresh }
