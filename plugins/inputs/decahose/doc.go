// Package decahose is the service input that reads X's Decahose. It has what Telegraf sees, options, Init, Start,
// Gather and Stop, and puts one stream together from its parts:
//
//	options ─► engine.Config: core, one stream.Client per route, store, archives
//	        ─► delivery: spool, and one courier ─┬─ stdout, run by telegraf-decahose
//	                                             ├─ pubsub, with delivery = "acknowledged"
//	                                             └─ tracked, compiled into a Telegraf: tracking metrics
//	        ─► feedback: a listener for Telegraf's own counters
//	        ─► audits: one goroutine per store, which may order repairs
//
// Not here: decisions about the stream (internal/core); goroutines of the stream (internal/engine); the process under
// inputs.execd, and the commands for operators (cmd/telegraf-decahose).
//
// Owner: Telegraf calls Init, Start and Stop one after the other, and Gather between them. Start begins the goroutines
// of the engine, the delivery, the audits, the listener and the tracker. The state directory of the stream belongs to
// this process from Start to Stop.
//
// Ends: Stop returns within 4.5 s. A disk, a store or an output that hangs is left behind, with a line that says so.
// The tracker lives until the fate of each group is told, since Telegraf flushes its outputs after it has stopped its
// inputs.
//
// Bounds: Memory says what a stream takes at most, in bytes. The listener bounds connections, bodies and times.
//
// Invariants: 44, 45, 51, 53, 56 (docs/invariants.md).
package decahose
