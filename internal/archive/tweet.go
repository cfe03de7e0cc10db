package archive

import (
	"errors"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	measurement = "decahose_tweet"
	labelTag    = "stream_label"
	idField     = "id"
	lastField   = "received_at"
)

// ErrNotTweet says that a metric is no Tweet that an archive can hold.
var ErrNotTweet = errors.New("not a Tweet")

// Why it is none.
var (
	errName  = notTweet("it is not named " + measurement)
	errLabel = notTweet("it has no tag " + labelTag + " that is printable and short")
	errID    = notTweet("its field id is no Tweet's id")
	errNoID  = notTweet("it has neither field id nor a time that an id can be told from")
)

type notTweet string

func (e notTweet) Error() string        { return string(e) }
func (e notTweet) Is(target error) bool { return target == ErrNotTweet }

// tweet is what the archive must know of one.
type tweet struct {
	id    snowflake.ID
	label string
	exact bool // the line's time is the one that stands for the id
}

func (t tweet) minute() timeline.Minute { return timeline.MinuteOf(t.id.Milli()) }

// parseTweet reads a line, folded or not.
func parseTweet(l *lineproto.Line, text []byte) (t tweet, err error) {
	if err := l.Parse(text); err != nil {
		return t, err
	}
	if string(l.Name) != measurement {
		return t, errName
	}
	var ok bool
	if t.label, ok = l.Tag(labelTag); !ok || len(t.label) > maxLabel || !isLabel(t.label) {
		return t, errLabel
	}
	ns, err := strconv.ParseInt(string(l.Time), 10, 64)
	timed := err == nil
	if value := l.Field(idField); value != nil {
		n := len(value) - 1
		id, err := strconv.ParseInt(string(value[:n]), 10, 64)
		if err != nil || value[n] != 'i' || id <= 0 {
			return t, errID
		}
		t.id = snowflake.ID(id)
	} else if timed && ns/1e6 > snowflake.Epoch {
		t.id = snowflake.FromNano(ns)
	} else {
		return t, errNoID
	}
	stands, _ := t.id.Nano()
	t.exact = timed && stands == ns
	return t, nil
}
