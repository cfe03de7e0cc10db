// Package durable makes files, and names in directories, survive a loss of power: it syncs them. It knows that some
// platforms and file systems cannot sync a directory, and says so.
//
// Not here: what is written, and in which order (internal/state/store, internal/output/spool, internal/archive).
//
// Owner: nothing is kept: each call opens, syncs and closes on the caller's goroutine, and ends when the disk answers.
//
// Invariants: 28, 32 (docs/invariants.md).
package durable
