package archive

import (
	"bytes"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
)

// Batch collects the Tweets of one Write. The zero Batch is empty. It has one owner, until Write takes it over.
type Batch struct {
	buf     []byte // folded lines
	entries []entry
	line    lineproto.Line

	// Restored is how many lines had another time than the one that stands for their Tweet's id, or none. They got it.
	Restored int
	// Ended is how many Tweets have the field received_at, which is written last: with it nothing was cut off them.
	Ended int
}

// entry is one Tweet of a batch.
type entry struct {
	tweet
	start, end int
}

// Add takes one line of line protocol, and copies it. An error that is ErrNotTweet is about a sound line; any other says
// that the line is malformed.
func (b *Batch) Add(line []byte) error {
	t, err := parseTweet(&b.line, line)
	if err != nil {
		return err
	}
	start := len(b.buf)
	if t.exact {
		b.buf = lineproto.AppendFolded(b.buf, line)
	} else {
		b.buf = b.appendRestored(line, t)
		b.Restored++
	}
	if b.line.Field(lastField) != nil {
		b.Ended++
	}
	b.entries = append(b.entries, entry{t, start, len(b.buf)})
	return nil
}

// appendRestored appends the line with the time that stands for the id.
func (b *Batch) appendRestored(line []byte, t tweet) []byte {
	line = bytes.TrimRight(line, "\r\n")
	line = bytes.TrimRight(line[:len(line)-len(b.line.Time)], " ")
	dst := lineproto.AppendFolded(b.buf, line)
	ns, _ := t.id.Nano()
	dst[len(dst)-1] = ' '
	return append(strconv.AppendInt(dst, ns, 10), '\n')
}

// Len is how many Tweets the batch holds.
func (b *Batch) Len() int { return len(b.entries) }

// Size is how many bytes they take.
func (b *Batch) Size() int { return len(b.buf) }
