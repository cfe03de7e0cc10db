// Package retry says when to try again: after which failure to wait for how long, how many attempts X's limit leaves, and
// which waits connections share so that one of them tries for all.
//
//	failure ─► a delay by its kind (delay.go) + up to a tenth (jitter.go)
//	           shared by all that failed alike (hold.go) ─► one probe ─► Tweets ─► all connect at once
//	           never more than the limit in any period (budget.go)
//
// Not here: which failure is of which kind, and who waits in which hold (core/backoff.go, core/hold.go); the options that
// set the limit (plugins/inputs/decahose).
// Owner: core.Core; the engine's goroutine. Pure: time is an argument, jitter is drawn from a seed.
// Invariants: 8, 19 (docs/invariants.md).
package retry
