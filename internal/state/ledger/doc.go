// Package ledger is the double-entry book of minutes and gaps: what was received, and to which one account each record
// was posted. It also has the types of everything that is stored. Pure.
//
//	Book      one partition: rows of minutes, and what became of gaps    ─► MinuteRecord, CopyRecord, DeliveryRecord
//	Row       one minute: received = unique + duplicate, emitted ≤ unique
//	History   how many Tweets each whole minute of eight weeks had       ─► HourRecord
//	Commit    what is made durable in one step; Past: what a start finds
//
// Not here: the decisions that lead to a posting, coverage and open gaps (internal/core); files and SQL
// (internal/state/store); ids in memory (internal/core/dedup).
//
// Owner: the core, that is the engine's goroutine, owns each Book and the History; neither has a lock. A Commit is
// given away to the committing goroutine and is not changed after that.
//
// Bounds: Forget drops settled rows that rested, and the oldest ones beyond a number; History keeps eight weeks.
//
// Invariants: 2 (docs/invariants.md).
package ledger
