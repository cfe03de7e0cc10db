// Package stream is one HTTP connection to X, from dial to end. It reads until the connection ends or its context is
// done, and says why it ended. It serves the live stream, Replay and Recovery alike.
//
//	dial ─► TLS ─► header ─► gunzip ─► proof ─► wire.Scanner ─► Receiver
//	                 │                   └ a 200 that brings a page or a document ends here
//	                 └ any other status: its message is read, bounded, and the connection ends
//
// Watchdogs run only while the reader waits for the socket. X is not silent while we are the slow side, and cutting a
// sound connection because an output is slow would lose what X has queued for us.
//
// Not here: when to connect, how long to back off, and what an end means (internal/core); how records are cut and where
// the id stands (internal/record/wire); the goroutine and the queue behind Receiver (internal/engine); where
// credentials, TLS and proxies come from (plugins/inputs/decahose).
//
// Owner: the goroutine that called Client.Run owns the attempt. net/http's dialling goroutine and the timers share a
// few fields with it, which are atomic or behind a mutex. What attempts of one route learn of hosts and addresses is in
// the Client's memory, bounded and locked.
//
// Ends: every step has a deadline: ConnectTimeout for dial, TLS and header, a bound of time and bytes for the body of
// an error, HeartbeatTimeout for a stream that brings no byte. Run closes its socket before it returns, so that X does
// not count it against the next attempt.
//
// Bounds: a record has RecordLimit bytes at most; a body that decodes to far more than its size is read more slowly.
//
// Invariants: 9, 12, 13, 48, 49 (docs/invariants.md).
package stream
