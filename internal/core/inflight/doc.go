// Package inflight holds the Tweets between their emission and the store, in order: first they are written out, then they
// settle, since what a killed process wrote last may never have been read. Only then are they stored as seen, and only
// then does anything that stands behind them count.
//
//	Push ─► Wrote ─► Settle ─► the commit that stores their ids
//	              └► Drop: Telegraf threw them away, they are missing again
//
// Not here: when a write has settled (core/accepted.go), what counts once it has (core/state.go, core/request.go).
// Owner: core.Core; the engine's goroutine. Pure: time is an argument.
// Invariants: 15, 16, 30 (docs/invariants.md).
package inflight
