package recording

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
)

// Meaning is all that the core reads in a message of X: none of its words is kept.
type Meaning uint8

// Meanings; several may hold.
const (
	MeansTooMany Meaning = 1 << iota
	MeansFullBuffer
	MeansOperational
	MeansDate // it speaks of a date, so a refused request may be too young
	MeansCompleted
	MeansCompletedWithErrors
	MeansFailed
	MeansElse // something else
)

// wording is a message of ours for each meaning, which the core takes as X's.
var wording = []struct {
	meaning Meaning
	text    string
}{
	{MeansTooMany, "too many connections"}, {MeansFullBuffer, "full buffer"}, {MeansOperational, "operational reasons"}, {MeansDate, "date"},
	{MeansFailed, "replay request failed to complete"}, {MeansElse, "something else"},
	// the last, as what stands behind it says whether all of it came
	{MeansCompletedWithErrors, "replay request completed with errors"}, {MeansCompleted, "replay request completed"},
}

// meaningOf is that of X's message.
func meaningOf(message string) (m Meaning) {
	switch xapi.ClassOf(message) {
	case xapi.TooManyConnections:
		m = MeansTooMany
	case xapi.FullBuffer:
		m = MeansFullBuffer
	case xapi.Operational:
		m = MeansOperational
	}
	if strings.Contains(strings.ToLower(message), "date") {
		m |= MeansDate
	}
	switch j := refill.NewJob(refill.Request{To: 1}); {
	case !j.Notice(wire.NoticeMessage{Message: message}):
	case j.End().Result == refill.Completed:
		m |= MeansCompleted
	case j.End().Result == refill.CompletedWithErrors:
		m |= MeansCompletedWithErrors
	default:
		m |= MeansFailed
	}
	if m == 0 && message != "" {
		m = MeansElse
	}
	return m
}

func (m Meaning) message() string {
	var all []string
	for _, w := range wording {
		if m&w.meaning != 0 {
			all = append(all, w.text)
		}
	}
	return strings.Join(all, ", ")
}

// String names the meaning for people.
func (m Meaning) String() string { return m.message() }

// roots are the forms of messages, by wire.NoticeMessage.Root. The first is no message about the stream.
var roots = []string{"", "info", "warn", "error", "errors", "title"}

// forms are the beginning of a message of each root, up to its words, and formEnds what stands behind it.
var forms = []string{`"delete":{"x":"`, `"info":{"message":"`, `"warn":{"message":"`, `"error":{"message":"`, `"errors":[{"title":"`, `"title":"`}
var formEnds = []string{`"}`, `}`, `}`, `}`, `"}]`, `"`}

// maxFailed bounds the minutes that a message names: so many are read of one, and one that says that there are more.
const maxFailed = 10_001

// appendNotice adds what the core reads in a valid JSON value that is no Tweet.
func appendNotice(dst []byte, data []byte) []byte {
	n, ok := wire.ParseNotice(data)
	root := slices.Index(roots, n.Root)
	if !ok || root <= 0 {
		return binary.AppendUvarint(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(root))
	dst = binary.AppendUvarint(dst, uint64(meaningOf(n.Message)))
	dst = append(dst, flagsOf(n.Counted, len(n.MinutesFailed) > 0, n.UnprocessedFrom+n.UnprocessedTo != ""))
	if n.Counted {
		dst = binary.AppendUvarint(dst, uint64(n.ActivityCount))
	}
	if len(n.MinutesFailed) > 0 {
		dst = binary.AppendUvarint(dst, uint64(min(len(n.MinutesFailed), maxFailed)))
		for _, at := range n.MinutesFailed[:min(len(n.MinutesFailed), maxFailed)] {
			dst = appendDate(dst, at)
		}
	}
	if n.UnprocessedFrom+n.UnprocessedTo != "" {
		dst = appendDate(appendDate(dst, n.UnprocessedFrom), n.UnprocessedTo)
	}
	return dst
}

// appendDate adds a date of X's in Unix ms; 0 is one that cannot be read.
func appendDate(dst []byte, date string) []byte {
	for _, layout := range [...]string{time.RFC3339, xapi.ReplayTime} {
		if t, err := time.Parse(layout, date); err == nil {
			return binary.AppendVarint(dst, t.UnixMilli())
		}
	}
	return binary.AppendVarint(dst, 0)
}

// notice appends a JSON value that the core takes as the one that was recorded. head stands before its other members.
func (v *values) notice(dst []byte, head string) []byte {
	root := v.upTo(uint64(len(roots) - 1))
	dst = append(append(dst, '{'), head...)
	if root == 0 {
		return append(append(dst, forms[0]...), formEnds[0]+"}"...)
	}
	meaning := Meaning(v.upTo(0xff))
	flags := v.upTo(7)
	dst = append(append(dst, forms[root]...), meaning.message()...)
	if roots[root] == "errors" || roots[root] == "title" {
		return append(dst, formEnds[root]+"}"...)
	}
	dst = append(dst, '"')
	if flags&1 != 0 {
		dst = fmt.Appendf(dst, `,"activity_count":%d`, v.uint()&(1<<63-1))
	}
	if flags&2 != 0 {
		dst = append(dst, `,"minutes_failed":[`...)
		for k := range v.upTo(maxFailed) {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = v.date(dst)
		}
		dst = append(dst, ']')
	}
	if flags&4 != 0 {
		dst = append(v.date(append(dst, `,"unprocessed_range":{"fromDate":`...)), `,"toDate":`...)
		dst = append(v.date(dst), '}')
	}
	return append(dst, formEnds[root]+"}"...)
}

func (v *values) date(dst []byte) []byte {
	ms := v.int()
	t := time.UnixMilli(ms).UTC()
	if v.err != nil || ms == 0 || t.Year() < 1 || t.Year() > 9999 {
		return append(dst, `"unreadable"`...)
	}
	return append(append(append(dst, '"'), t.Format("2006-01-02T15:04:05.000Z07:00")...), '"')
}

func flagsOf(all ...bool) (b byte) {
	for k, set := range all {
		if set {
			b |= 1 << k
		}
	}
	return b
}
