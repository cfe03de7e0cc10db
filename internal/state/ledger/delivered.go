package ledger

import (
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Sent is a Tweet on its way to the outputs: its identity, and the partition whose book it is in.
type Sent struct {
	ID        snowflake.ID
	Partition int32 // AnyPartition where not known
}

// Tracked is what is known of a minute's Tweets behind the sink. Those emitted and in none of its counts are still
// on their way.
type Tracked struct {
	Delivered int64 // accepted by all outputs
	Refused   int64 // the outputs will never accept them; they are in quarantine
	Untracked int64 // emitted where nobody says what became of them

	DeliveredDigest uint64 // of the delivered ids, see Digest
}

// DeliveryRecord is Tracked as it is stored: one partition, one minute.
type DeliveryRecord struct {
	Partition int
	Minute    timeline.Minute
	Tracked
}

// Spooled is what a spool holds at the start of a process. The spool, not the ledger, is the judge of what was not
// delivered.
type Spooled struct {
	Waiting []Sent // known to the ledger as seen
	Refused []Sent // the same, in quarantine
	Unknown []Sent // spooled, but not in the ledger any more
	Lost    []Sent // known to the ledger, and what became of them cannot be read

	Doubtful bool // it was damaged: it may have lost Tweets that it cannot name
}

// known is how many Tweets are in one of the counts.
func (t *Tracked) known() int64 { return t.Delivered + t.Refused + t.Untracked }

// PostDelivered posts that all outputs accepted a Tweet. More than were given can only be of a row that was lost.
func (r *Row) PostDelivered(id snowflake.ID) {
	if r.known() < r.Given {
		r.Delivered++
		r.DeliveredDigest += Digest(id)
		r.Touch()
	}
}

// PostRefused posts that a Tweet is in quarantine.
func (r *Row) PostRefused() {
	if r.known() < r.Given {
		r.Refused++
		r.Touch()
	}
}

// Undeliver takes back what Restore assumed of a Tweet: it waits in the spool, or is refused.
func (r *Row) Undeliver(id snowflake.ID, refused bool) {
	if r.Delivered == 0 {
		return
	}
	r.Delivered--
	r.DeliveredDigest -= Digest(id)
	if refused {
		r.Refused++
	}
	r.Touch()
}

// Unpost takes back that a Tweet was emitted, since it was lost behind us: it counts as a copy of the one to come.
// stored says that its id was given to the store.
func (r *Row) Unpost(id snowflake.ID, stored bool) {
	if r.Emitted == 0 {
		return
	}
	r.Unique--
	r.Duplicate++
	r.Copies[Redundant]++
	r.Given--
	r.Emitted--
	r.Untracked = min(r.Untracked, r.Emitted)
	r.Delivered = min(r.Delivered, r.Emitted-r.Untracked)
	r.Late = min(r.Late, r.Unique)
	if stored {
		r.Digest -= Digest(id)
	}
	r.Touch()
}

// restoreTracked puts back what was known behind the sink; nil: nothing was tracked. What was tracked, and is neither
// in the spool nor in quarantine, was delivered: see Undeliver. Where the spool is in doubt, only what the ledger says was.
func (r *Row) restoreTracked(t *Tracked, doubtful bool) {
	r.Untracked = r.Emitted
	if t == nil {
		return
	}
	if doubtful {
		r.Tracked = *t
		return
	}
	r.Untracked = min(t.Untracked, r.Emitted)
	r.Delivered, r.DeliveredDigest = r.Emitted-r.Untracked, t.DeliveredDigest
	if r.Untracked == 0 {
		r.DeliveredDigest = r.Digest
	}
}
