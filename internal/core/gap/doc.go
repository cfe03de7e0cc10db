// Package gap is the book of gaps: spans of Tweet time of which nobody is known to have brought all. Pure: the caller says
// what time it is.
//
//	Lack, Open          a span is missing; spans of one minute are one gap
//	Covered               the outage ends: so does the gap that went on
//	Ask, Promise        a connection is asked for backfill, and from when on that brings everything
//	Fill, Lose          part of a span came, or can come no more: it is cut out of the gaps
//	Changed, Records    what is to be reported, and what is to be stored
//
// A gap is known by its partition and first minute. So two gaps of a partition share no minute, and what is cut out of one
// leaves at most one behind with its name; cut decides that, and is a pure function of spans.
//
// Not here: whether a span was covered, and whether what came is enough (internal/core: partition.go, evidence.go,
// internal/core/refill); by which way it is had (internal/core/refill); the rows of minutes, in which a gap that ends is
// noted (internal/state/ledger).
//
// Owner: the core, that is the engine's goroutine. No lock. The rows of minutes are the core's; the book counts Tweets in
// them and notes there what is settled.
//
// Invariants: 6, 17, 41 (docs/invariants.md).
package gap
