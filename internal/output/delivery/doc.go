// Package delivery is the queue between the engine and the outputs. It keeps a bounded number of Tweets in memory and
// the rest in the spool, has several batches in flight, retries what was not accepted, and reports what became of each
// Tweet.
//
//	engine: AddTweet ─► open batch ─► Write ─► scheduler ─┬─► slots ─► Courier ─► accepted, later or refused
//	                                              ▲       │                          │
//	                                              │       └─► spool ─► read ahead    │ retry, split, quarantine
//	                                              └──────────────────────────────────┘
//	Outcomes ◄─ safe, delivered, refused
//
// The scheduler decides, and touches nothing: it is told what happened and when, and lists what must be done. One bad
// Tweet in a batch is found by halving the batch. Where most batches are put off, the outputs are at fault, and no
// Tweet is blamed.
//
// Backpressure: Write waits at most for a second in all for room in memory, then the spool takes the batch. Without a
// spool, or when it is full, Write blocks, and with it the engine's queue.
//
// Not here: how a batch is encoded (internal/output/encode); the HTTP courier (internal/output/pubsub) and Telegraf's
// accumulator as a courier (plugins/inputs/decahose: tracked.go); the spool's file (internal/output/spool); when a
// Tweet counts as seen (internal/core); what Telegraf's counters mean (internal/output/feedback).
//
// Owner: the goroutine of Delivery.Run owns the scheduler. Each delivery is a goroutine of its own, and so is each use
// of the spool, one at a time; they send their answers back. The engine's goroutine owns the open batch. Status is a
// snapshot for any goroutine.
//
// Ends: Run ends after Stop, or when its context is done: then deliveries are cancelled, and one second later Run
// returns, whatever hangs. What is not delivered goes to the spool, and Stop's error says how much must be fetched
// again.
//
// Bounds: Config.Memory in Tweets, Config.Bytes in bytes, Config.Slots batches in flight; a retry waits 30 s at most.
//
// Invariants: 9, 26, 27, 28, 29, 31 (docs/invariants.md).
package delivery
