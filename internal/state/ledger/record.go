package ledger

import (
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// AnyPartition is the account of records whose partition is not known: those of a Replay.
const AnyPartition = 0

// Commit is what is made durable in one step: first the ids, then all the rest at once. What a Commit
// holds is true only together with all earlier ones. The core makes it and gives it away.
type Commit struct {
	Seq        uint64 // counts up from 1 within a process
	IDs        []IDs
	Minutes    []MinuteRecord    // rows that changed
	Copies     []CopyRecord      // of rows that changed, where not all copies are redundant
	Deliveries []DeliveryRecord  // of rows that changed, where something is tracked
	Hours      []HourRecord      // rows that changed
	Gaps       []GapRecord       // rows that changed
	Partitions []PartitionRecord // all
	Requests   []RequestRecord   // rows that changed
	Connects   []int64           // connect attempts that still count against the limit, Unix ns of their end
	Moment     Moment
	Repairs    []RepairRecord // rows that changed
	Gone       []GoneRecord   // rows that changed
	Fills      []FillRecord   // rows that changed
	Answers    []Answer
	Steps      []StepRecord    // what is done next about each gap that is missing; nil: as before
	Clean      bool            // the process ends in order, and its output was read to the end
	Keep       timeline.Minute // rows and ids of minutes before this one may be deleted
}

// IDs are Tweet ids to remember as seen: of one minute of their own time, in any order.
type IDs struct {
	Partition int // AnyPartition where not known
	Minute    timeline.Minute
	IDs       []snowflake.ID
}

// MinuteRecord is a Row as it is stored: one partition, one minute.
type MinuteRecord struct {
	Partition                         int
	Minute                            timeline.Minute
	Received, Unique, Duplicate       int64
	Late, Emitted, Bytes, Connections int64
	Covered                           []timeline.Span // exact, within the minute
	State                             State
	Digest                            uint64 // of the ids that are stored for it, see Digest
}

// CopyRecord says why copies of one partition and minute came; the others are redundant.
type CopyRecord struct {
	Partition        int
	Minute           timeline.Minute
	Backfill, Replay int64
}

// GapRecord is a Gap as it is stored, identified by its partition and first minute.
type GapRecord struct {
	Partition int
	Span      timeline.Span // exact; of a dark one To is as far as is known
	State     GapState
	Cause     string
	FilledBy  string
	Tweets    int64
	Dark      bool
	Opened    int64 // Unix ns
	Asked     int64 // how often backfill, Replay or Recovery was asked for it
}

// First is the minute that names the gap.
func (g *GapRecord) First() timeline.Minute { return timeline.MinuteOf(g.Span.From) }

// PartitionRecord is how far a partition is done: what is covered from Begin to Position and is in no gap
// was emitted, and written out so long ago that it was read.
type PartitionRecord struct {
	Partition int
	Begin     int64 // id time, Unix ms: from here on coverage is promised
	Position  int64 // id time, Unix ms
}

// StepRecord is what is done next about a gap, by who decides it.
type StepRecord struct {
	Partition int
	First     timeline.Minute // of the gap, which names it
	Text      string          // for the operator
	At        int64           // Unix ns of this host's clock, 0: not known
}

// RequestRecord is one request to Replay or Recovery, noted before it is made.
type RequestRecord struct {
	ID        int64  // counts up over all processes
	Method    string // replay, recovery
	Partition int    // AnyPartition: all
	From, To  timeline.Minute
	At        int64  // Unix ns of the attempt
	Ended     int64  // Unix ns, 0: under way
	Status    int64  // HTTP status, 0: none
	Result    string // "" while under way; completed, completed_with_errors, failed, or the class of its end
	Tweets    int64
	New       int64
}

// Moment says what time it was, on all the clocks there are, so that the next process can tell how
// long nobody listened.
type Moment struct {
	Wall   int64  // Unix ns of this host's clock
	Stream int64  // id time, Unix ms, that the stream had then; 0: not known
	Boot   string // names the boot of this host; empty where unknown
	Uptime int64  // ns since boot, suspended time included; with Boot only
}

// Order is what an operator wants of the running process; commands leave it in the store.
type Order struct {
	ID        int64
	Kind      OrderKind
	Partition int // AnyPartition: all
	From, To  timeline.Minute
	Sent      []Sent // of repair: Tweets that were emitted and are missing in a store
}

// OrderKind is what an Order wants. It is stored by these words.
type OrderKind string

const (
	OrderRecover OrderKind = "recover" // ask for the minutes again, whatever is known of them
	OrderForget  OrderKind = "forget"  // give gaps up
	OrderRepair  OrderKind = "repair"  // have Sent again
	OrderAgain   OrderKind = "again"   // the same, however often that was tried
)

// Answer says what came of an Order.
type Answer struct {
	Order int64
	Text  string // one line
	Err   bool   // Text says why not
}

// Past is what the store remembers of earlier processes; the zero Past is a first start.
type Past struct {
	Minutes    []MinuteRecord
	Copies     []CopyRecord
	Deliveries []DeliveryRecord
	Hours      []HourRecord
	Spooled    *Spooled // nil: there is no spool
	Repairs    []RepairRecord
	Gone       []GoneRecord
	Fills      []FillRecord
	Gaps       []GapRecord
	Partitions []PartitionRecord
	Requests   []RequestRecord // those that still count against the limit or are not ended
	Connects   []int64
	Moment     Moment
	Clean      bool                            // the last process ended in order
	Known      bool                            // there was an earlier process
	IDs        map[timeline.Minute]map[int]int // how many ids are stored, by minute and partition
	Notes      []string                        // what was unreadable, for the operator
}

// Digest sums up ids so that order does not matter: the digest of two disjoint sets is the sum of theirs.
func Digest(ids ...snowflake.ID) (sum uint64) {
	for _, id := range ids {
		z := uint64(id) + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		sum += z ^ z>>31
	}
	return sum
}
