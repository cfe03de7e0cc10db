// Package wire cuts the bytes of a connection into frames and finds the top-level id of each, without parsing more than
// it must. It also reads what X says about the stream itself. Pure: no I/O, no time.
//
//	socket ─► Space, Advance ─► Scanner ─► Take ─► Batch: Frames of one slab
//	                                                 ├ Record, with its id
//	                                                 ├ Notice: ParseNotice
//	                                                 └ Malformed, too long; heartbeats are counted
//
// The work for a record is proportional to its length, however the reads cut it.
//
// Not here: the socket and gunzip (internal/source/stream); the proof that a record is whole, and its fields
// (internal/record/tweet); duplicates (internal/core/dedup).
//
// Owner: the goroutine of one connection owns a Scanner. Whoever holds a Batch owns its slab: a batch that was sent
// belongs to the receiver, who resets it for its next use.
//
// Bounds: a record has the Scanner's limit of bytes at most; what is longer is skipped and counted. Batch.Size is what
// a batch takes in memory.
//
// Invariants: 9 (docs/invariants.md).
package wire
