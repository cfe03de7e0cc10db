package refill

import (
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Results of a request, by X's own word.
const (
	Completed           = "completed"
	CompletedWithErrors = "completed_with_errors"
	Failed              = "failed"
)

// Outcome is what became of a request.
type Outcome struct {
	Result    string       // Completed, CompletedWithErrors, Failed; empty if X did not say
	Done      timeline.Set // minutes that need not be asked for again: whole ones, in Unix ms
	Failed    []timeline.Minute
	Thin      []timeline.Minute // by X delivered, by evidence not: to be asked for again
	Arrived   int64             // records: Tweets, copies and strays included, broken ones, others; no messages about the stream
	Announced int64             // records by X's count, 0: it gave none
	Counted   bool              // X gave a count, which may be 0
	Strays    int64             // Tweets of minutes that were not asked for
	Mismatch  bool              // fewer arrived than were announced: nothing is done, since none knows which are absent
}

// ending is X's last word on a request.
type ending struct {
	result string
	notice wire.NoticeMessage
}

// resultOf reads "Replay Request Completed", "… with Errors" and "… Failed to Complete", of Replay or Recovery
// (X: Replay API); empty for any other message. A completion with a remark that is not known is one with errors.
func resultOf(message string) string {
	m := strings.Join(strings.Fields(strings.ToLower(message)), " ")
	if strings.Contains(m, "failed to complete") {
		return Failed
	}
	_, remark, ok := strings.Cut(m, "request completed")
	switch {
	case !ok:
		return ""
	case strings.Trim(remark, " .!") == "":
		return Completed
	}
	return CompletedWithErrors
}

// End is the outcome, once nothing more will come.
func (j *Job) End() Outcome {
	o := Outcome{
		Result: j.ended.result, Strays: j.strays,
		Arrived: j.tweets + j.broken + j.others, Announced: max(0, j.ended.notice.ActivityCount),
		Counted: j.ended.notice.Counted,
	}
	left, certain := j.left()
	for _, s := range left.Spans() {
		for m, end := s.Minutes(); m < end; m++ {
			o.Failed = append(o.Failed, m)
		}
	}
	o.Mismatch = o.Arrived < o.Announced
	if o.Mismatch {
		return o
	}
	for m := j.request.From; m < j.request.To; m++ {
		if left.Covered(m.Span()) == 0 && (m < j.whole || j.proven(m) || certain && j.believed(m)) {
			o.Done.Add(m.Span())
		}
	}
	return o
}

// believed says that nothing speaks against the minute, if X says that it was delivered: no broken record, and, if
// X sent what was not asked for, that it sent some of this too.
func (j *Job) believed(m timeline.Minute) bool {
	return j.torn.Covered(m.Span()) == 0 && j.tear.Intersect(m.Span()).Empty() && (j.strays == 0 || j.came[m-j.request.From].n > 0)
}

// left is what of the request X says it left out; a minute that it touches is not done. certain says that by
// X's word all others came: it is false without such a word, and if anything in it is unreadable or not of this
// request.
func (j *Job) left() (left timeline.Set, certain bool) {
	n := j.ended.notice
	certain = j.ended.result != ""
	for _, s := range n.MinutesFailed {
		from, ok := moment(s)
		certain = ok && j.leave(&left, timeline.MinuteOf(from).Span()) && certain
	}
	if n.UnprocessedFrom+n.UnprocessedTo != "" {
		from, known := moment(n.UnprocessedFrom)
		to, ok := moment(n.UnprocessedTo)
		certain = known && ok && j.leave(&left, timeline.Span{From: from, To: to}) && certain
	}
	switch j.ended.result {
	case CompletedWithErrors:
		certain = certain && len(n.MinutesFailed) > 0
	case Failed:
		certain = certain && n.UnprocessedFrom != ""
	}
	return left, certain
}

// leave adds what of the span is of the request; false if nothing is.
func (j *Job) leave(left *timeline.Set, s timeline.Span) bool {
	s = s.Intersect(span(j.request.From, j.request.To))
	if s.Empty() {
		return false
	}
	left.Add(s)
	return true
}

// moment reads a date of X's messages, or one as requests have it, into Unix ms.
func moment(s string) (ms int64, ok bool) {
	for _, layout := range [...]string{time.RFC3339, xapi.ReplayTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
