// Package pubsub delivers batches to the input cloud_pubsub_push of a stock Telegraf: one HTTP POST per batch, answered
// 204 only when every output has accepted every Tweet of it. What each other answer means is in verdict.go.
//
// A refusal is believed to be a Tweet's fault only after the same server has accepted a check of ours; otherwise the
// batch waits. The token is sent only over TLS, or within this host to a process of a trusted user, which is checked on
// each connection before anything is sent.
//
// Not here: retries, halving of batches, quarantine (internal/output/delivery); who stands behind a local connection
// (internal/netsafe/loopback); the options (plugins/inputs/decahose: delivery.go).
//
// Owner: nobody exclusively: a Courier may be used by several goroutines, one per batch in flight, on which Deliver
// runs. What they share is atomic or locked.
//
// Bounds and ends: a POST takes the client's timeout at most, and ends with its context; an answer's body is read up to
// a bound. While Telegraf has no slot free, a small ping is sent before a batch.
//
// Invariants: 52, 53 (docs/invariants.md).
package pubsub
