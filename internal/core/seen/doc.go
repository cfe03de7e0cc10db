// Package seen knows which Tweets were emitted, so that each is emitted once. It holds what surrounds the set of ids
// (internal/core/dedup). Pure: time is an argument.
//
//	odd     ids of no time that the stream can be at have a set of their own, so that they take no place of others
//	cold    minutes whose ids are in the store and not, or not all, in memory; they are loaded before records of theirs are
//	        judged
//	unseen  Tweets that were emitted and lost behind us, to be taken again
//	doubts  Tweets that came broken, and over which connection: another may bring them whole
//
// Not here: what is done with a Tweet that is new, and with a copy (internal/core: receive.go, archive.go); reading of
// the store (internal/engine); when ids are safe in the store (internal/core: state.go).
//
// Owner: the core, that is the engine's goroutine. No lock. Bounded: ids by MaxBytes, the others by number.
//
// Invariants: 3, 4, 43 (docs/invariants.md).
package seen
