package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc(b []byte) int64 { return int64(crc32.Checksum(b, castagnoli)) }

var errManifest = errors.New("manifest is damaged")

// encode appends the Tweets: for each the difference of its id to the one before, its partition, and the length of
// its line, as varints.
func encode(dst []byte, tweets []Tweet) []byte {
	var before Tweet
	for _, t := range tweets {
		dst = binary.AppendVarint(dst, int64(t.ID-before.ID))
		dst = binary.AppendVarint(dst, int64(t.Partition))
		dst = binary.AppendUvarint(dst, uint64(t.End-before.End))
		before = t
	}
	return dst
}

// decode is the inverse of encode.
func decode(b []byte) (tweets []Tweet, err error) {
	tweets = slices.Grow(tweets, len(b)/8)
	var t Tweet
	for len(b) > 0 {
		delta, n := binary.Varint(b)
		partition, m := binary.Varint(b[max(n, 0):])
		length, k := binary.Uvarint(b[max(n, 0)+max(m, 0):])
		if n <= 0 || m <= 0 || k <= 0 || partition != int64(int32(partition)) || length > uint64(math.MaxInt-t.End) {
			return nil, errManifest
		}
		t = Tweet{ledger.Sent{ID: t.ID + snowflake.ID(delta), Partition: int32(partition)}, t.End + int(length)}
		tweets = append(tweets, t)
		b = b[n+m+k:]
	}
	return tweets, nil
}

// row is an entry as it is stored, without its lines.
type row struct {
	id, at   int64
	manifest []byte
	crc      int64 // of the lines
	tweets   []Tweet
}

// rowOf makes the row of an entry, which must fit together.
func rowOf(e *Entry) row {
	end := 0
	for _, t := range e.Tweets {
		if t.End < end {
			panic(fmt.Sprintf("BUG: a line ends at %d, after one that ends at %d", t.End, end))
		}
		end = t.End
	}
	if end != len(e.Lines) {
		panic(fmt.Sprintf("BUG: the last line ends at %d of %d bytes", end, len(e.Lines)))
	}
	return row{at: e.At.UnixNano(), manifest: encode(nil, e.Tweets), crc: crc(e.Lines), tweets: e.Tweets}
}

// fits reports whether these are the lines of the entry, whole.
func (r *row) fits(lines []byte) bool {
	end := 0
	if n := len(r.tweets); n > 0 {
		end = r.tweets[n-1].End
	}
	return end == len(lines) && r.crc == crc(lines)
}

func (r *row) entry(lines []byte) *Entry {
	return &Entry{ID: r.id, At: time.Unix(0, r.at), Tweets: r.tweets, Lines: lines}
}

func (r *row) sent() []ledger.Sent {
	sent := make([]ledger.Sent, len(r.tweets))
	for i, t := range r.tweets {
		sent[i] = t.Sent
	}
	return sent
}

// refusal is a Tweet in quarantine.
type refusal struct {
	sent ledger.Sent
	line []byte
	why  string
	at   int64
}
