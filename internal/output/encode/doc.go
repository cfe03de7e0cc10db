// Package encode turns Tweets and counters into line protocol, and writes whole lines to one output. It also defines
// what a sink is to the engine: Sink, Tweets, Points and Batch.
//
//	AddTweet, AddPoint ─► open batch ─► Take ─► Write ─► Writer.Run ─► stdout
//	└──── engine's goroutine ─────────────┘      └ queue └ its own goroutine
//
// A Schema is the user's choice of tags and fields, made once and never changed. AppendTweet depends on the Tweet and
// the Schema alone, so two hosts write the same point for one Tweet. Schema.Check reads a line from another site's
// archive, and refuses one that this Schema would not have written. Text is escaped so that no byte of a Tweet can end
// its string or tag early.
//
// Not here: batching by the state of the outputs, retries and the spool (internal/output/delivery); which Tweets and
// points are written (internal/core); Telegraf's accumulator as a sink (plugins/inputs/decahose: tracked.go, sink.go);
// line protocol that is read (internal/record/lineproto); secrets in words of others (internal/netsafe/redact).
//
// Owner: the engine's goroutine owns the open batch of a sink; the sink queue that calls Write owns a batch that was taken.
// The goroutine of Writer.Run, one per process, owns stdout; several streams share it.
//
// Ends: Writer.Run returns when its context is done, unless a write blocks. Write returns when its context is done,
// too; it is then not known what was written. After a failed write nothing is written any more: the reader may have
// half a line.
//
// Invariants: 5, 10, 34 (docs/invariants.md).
package encode
