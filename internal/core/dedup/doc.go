// Package dedup answers one question: was this exact Tweet id seen? It is exact, because a filter that is wrong once in
// a million loses Tweets every hour. For minutes that are still open it also knows which connections delivered the id.
// Pure.
//
// Ids are kept in one bucket for each second of their own time, so that 32 bits of each are enough. A bucket is
// forgotten by the time of its last insert or hit, never by the age of its ids: a Replay of minutes that are days old
// is deduplicated like the live stream. SetLimit bounds the bytes.
//
// Not here: ids on disk (internal/state/store); when a minute's ids are loaded from there, and which ids are too odd
// for this set (internal/core/seen).
//
// Owner: the core, that is the engine's goroutine. A Set has no lock.
//
// Invariants: 3, 9 (docs/invariants.md).
package dedup
