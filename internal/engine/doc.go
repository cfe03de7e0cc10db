// Package engine runs one stream: it owns the goroutines around the core, turns what happens into events, and carries
// out what the core decides, in the core's order. It decides nothing about the stream.
//
//	connections ──┐ events                             ┌─► sinkQueue ─► sink of Tweets (internal/output/delivery)
//	requests    ──┤                                    ├─► sinkQueue ─► sink of counters
//	readings    ──┼─► Engine.Run: core.Step ─► Ready ──┼─► committing ─► store
//	queues, store ┤      one select                    ├─► loading    ◄─ store
//	delivery    ──┘                                    └─► connect, request, read, close
//
// Backpressure: each batch takes its size from a budget of bytes before it is queued. When the queue to the sink is
// full, or too many batches wait for ids from the disk, Run takes no more records, but still takes timers and the stop.
// Then connections block in their receiver, their watchdogs rest, their sockets stay unread, and X is held up.
//
// Not here: every decision (internal/core); reading from a socket (internal/source/stream); the queue to the outputs,
// its retries and the spool (internal/output/delivery); assembly from options (plugins/inputs/decahose).
//
// Owner: the goroutine of Engine.Run owns the core, the open batches and all of run. A goroutine of its own owns each
// connection, each request, the one reading of an archive, each sinkQueue, the committing and the loading. They meet in
// channels; a slice that was sent belongs to the receiver.
//
// Ends: Run returns at most DrainTimeout after its context is done. A connection that does not end one second after it
// was told to is left behind, and its end is reported in its place.
//
// Bounds: MaxMemory is all that waits here, in bytes; maxEvents, maxRequests and maxQueue bound the queues.
//
// Invariants: 9, 14, 34, 48 (docs/invariants.md).
package engine
