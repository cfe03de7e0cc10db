package ledger

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// RepairsMost is how often a minute is repaired because a store lacks Tweets of it: what is still missing then is an
// alarm, not a loop.
const RepairsMost = 2

// RepairRecord is what is known of a minute's repairs. Until a Tweet was emitted again it is pending: it is in no count
// of its minute, and a store should hold it all the same.
type RepairRecord struct {
	Minute  timeline.Minute
	Times   int64
	At      int64          // Unix ns of the last one
	Pending []snowflake.ID // sorted
}

var errSent = errors.New("list of Tweets is damaged")

// SentText packs Tweets into one word: base64 of, for each, the difference of its id to the one before and its
// partition, as varints. The order is not kept.
func SentText(sent []Sent) string {
	sorted := slices.Clone(sent)
	slices.SortFunc(sorted, func(a, b Sent) int { return cmp.Compare(a.ID, b.ID) })
	var b []byte
	var before snowflake.ID
	for _, t := range sorted {
		b = binary.AppendVarint(b, int64(t.ID-before))
		b = binary.AppendVarint(b, int64(t.Partition))
		before = t.ID
	}
	return base64.StdEncoding.EncodeToString(b)
}

// ParseSent is the inverse of SentText; the Tweets are sorted.
func ParseSent(text string) (sent []Sent, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errSent
	}
	var id snowflake.ID
	for len(b) > 0 {
		delta, n := binary.Varint(b)
		partition, m := binary.Varint(b[max(n, 0):])
		if n <= 0 || m <= 0 || partition != int64(int32(partition)) {
			return nil, errSent
		}
		id += snowflake.ID(delta)
		sent = append(sent, Sent{ID: id, Partition: int32(partition)})
		b = b[n+m:]
	}
	return sent, nil
}
