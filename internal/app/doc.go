// Package app puts one stream together from its parts, runs it and takes it apart again: the state and the spool in one
// directory, the delivery with its courier, and the engine with the core. The plugin, the command recover, the oracle of
// the tests and the benchmark all use it, so that what is judged and measured is what runs.
//
//	Config ─► New ─► state ─► spool ─► delivery ─► engine
//	          Run ─► delivery ∥ engine, until the context is done and all is drained
//	          Close ─► spool ─► state
//
// Not here: options and credentials (plugins/inputs/decahose); who owns stdout (cmd/telegraf-decahose); archives and audits,
// which the caller opens and closes; every decision about the stream (internal/core) and about batches
// (internal/output/delivery).
//
// Owner: who called New owns the Stream, runs it once, and closes it after Run has returned. A spool whose courier hears
// of batches after the end stays open until that is over; a goroutine of its own closes it then.
//
// Invariants: 9, 14, 34 (docs/invariants.md).
package app
