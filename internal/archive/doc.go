// Package archive keeps Tweets in segments by event minute, in a directory or a bucket, and reads them without trusting
// them. A segment is one file that is written whole and never changed; docs/archive-format.md has it byte by byte.
//
//	Writer.Write ─► journal, synced ─► open segments ─► Seal ─► directory, or Upload ─► bucket
//	Archive      ─► Minutes: what the index promises; Read: what is really there, each Tweet once
//
// A batch that Write took survives a kill and a loss of power. What a crash left in the journal is taken up by the next
// Writer. What is damaged is skipped, and named in an error that wraps ErrDamaged.
//
// Not here: the output and its goroutines (plugins/outputs/decahose_archive); which minutes are read, and whether they
// are whole (internal/core: archive.go; internal/core/refill: Reading); the check of a line against the input's schema
// (internal/output/encode); line protocol (internal/record/lineproto).
//
// Owner: one process owns the spool directory, by its lock. In it one goroutine at a time calls Write, Seal and Close,
// which own the journal and the open segments, and another one calls Upload and Retain. An Archive only reads and may
// be used by several goroutines. Several hosts may write to one bucket: their segments have different names.
//
// Bounds and ends: open segments by OpenLimit in bytes, what waits for the bucket by SpoolLimit; Retain removes by age
// and size. A request to a bucket ends after five minutes at most, or with its context.
//
// Invariants: 9, 32, 33, 40, 43, 54 (docs/invariants.md).
package archive
