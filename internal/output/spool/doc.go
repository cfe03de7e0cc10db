// Package spool keeps Tweets on disk that the outputs have not accepted yet: batches of line protocol in a SQLite file
// of their own, spool.db in the state directory of the stream. A batch that Append took is durable, so its ids may
// count as seen. It leaves the spool as delivered or as refused; a refused Tweet goes into quarantine, a dead letter
// queue in the same file, where the oldest make room for new ones.
//
//	Append ─► entries, numbered ─► Read ─► Remove (delivered)
//	                │                └───► Replace (parts of a batch)
//	                └────────────────────► Refuse (one Tweet, into quarantine)
//
// Damaged bytes never stop it: Open keeps what can still be read, reports the rest as lost, and sets the old file
// aside.
//
// Not here: what is stored, when, and in which order it is sent (internal/output/delivery); the lock of the directory
// (internal/state/store, which is opened first); how SQLite files are opened and marked (internal/state/sqlfile).
//
// Owner: one process per file: the one that owns the state directory. The methods of a Spool may be called by several
// goroutines; writes go one by one through one connection, reads have another. Look reads beside a running process.
//
// Bounds: the limit of Open is in bytes and includes what a log that cannot be truncated takes; beyond it Append
// returns ErrFull. Calls end when the disk answers; the delivery makes each from a goroutine that nobody has to wait
// for.
//
// Invariants: 28, 37, 55 (docs/invariants.md).
package spool
