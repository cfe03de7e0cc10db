// Package feedback infers from the counters of Telegraf's output buffers (internal_write) what became of metrics that
// were written to stdout: all that was written before some time has left the buffers, or some of a time was dropped.
// Pure.
//
// A buffer counts what is added to it, and what leaves it: written, dropped because the buffer is full, or rejected by
// the output. What a filter of the output keeps away is counted as filtered only; it never was in the buffer. Metrics
// leave in the order in which they came, with one exception: while a batch is on its way to the output, a full buffer
// drops younger ones, and a batch that comes back to a full buffer is dropped itself. So after a drop, nothing counts
// as gone until the output has taken something again. Outputs that take some metrics of a batch and give others back
// break the order in a way that no counter shows; metrics that they gave back may be behind Effect.Before.
//
// Not here: the listener to which Telegraf posts its counters (plugins/inputs/decahose: feedback.go); which Tweets are
// made missing again (internal/core: accepted.go); the pause of deliveries (internal/output/delivery).
//
// Owner: the core, that is the engine's goroutine, owns the one Loop of a stream. The number of outputs and of marks
// that it remembers is bounded.
//
// Invariants: 30 (docs/invariants.md).
package feedback
