// Package store keeps the durable state of one stream in one directory: a ledger in SQLite, and files of the exact ids
// of its Tweets, one for each hour of their own time. It is the checkpoint from which the next process goes on.
// docs/state.md describes the files.
//
//	Commit ─► ids: append, sync ─► rows: one transaction ─► prune, merge, backup now and then
//	Load   ◄─ ids of one minute
//	Open   ─► lock, check, salvage, migrate ─► ledger.Past
//	Reader    the same files beside a running process, for commands and audits
//
// Ids are written before the rows that stand on them, so that a row never claims more than the ids prove. Damaged bytes
// never stop it: what can still be read is kept, the rest is reported and left out, and a damaged ledger is set aside.
//
// Not here: what a commit holds and when one is due (internal/core: state.go); the types of records
// (internal/state/ledger); Tweets that wait for the outputs (internal/output/spool); which error proves damage
// (internal/state/sqlfile).
//
// Owner: one process per directory, by its lock. In it the engine's committing goroutine calls Commit and Orders, and
// its loading goroutine calls Load; the indexes that both use are behind a mutex that is never held across I/O. Any
// process may read with a Reader, and leave an order with PlaceOrder.
//
// Bounds: ids and rows beyond the horizon are pruned; damaged ledgers are kept for 14 days, up to 1 GiB together; the
// newest, and one that is larger than the present ledger, stay.
//
// Invariants: 9, 22, 23, 24, 37, 39 (docs/invariants.md).
package store
