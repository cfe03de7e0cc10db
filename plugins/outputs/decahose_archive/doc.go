// Package decahose_archive is the output that keeps Tweets in segments by event minute: the archive from which this or
// another site fills gaps. It has options, the goroutines that write and upload, and counters.
//
//	Write ─► keep: journal, seal      owns the writer
//	         tidy: upload, retention
//
// Not here: the format, the journal and the bucket (internal/archive); the process under outputs.execd
// (cmd/telegraf-decahose/internal/host: output.go); the reading of an archive (internal/engine: archive.go).
//
// Owner: the goroutine keep owns the archive.Writer from Connect to Close; the goroutine tidy calls only Upload and
// Retain. Write waits until the Tweets of its batch are durable.
//
// Bounds and ends: 64 MiB of lines in open segments; what waits for a bucket by spool_limit. Close waits 1.5 s for the
// bucket at most; what was not uploaded stays in the spool.
//
// Invariants: 32 (docs/invariants.md).
package decahose_archive
