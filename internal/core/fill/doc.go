// Package fill judges whether what filled a gap is enough, and remembers of which minutes that is not proven. Pure: the
// caller passes the stream's time.
//
//	Scale.Weigh   what came of a minute, against what there should be: full, thin, or not to be told
//	Marks         minutes that were asked for again, or stand as filled though they are thin or unproven
//
// What there should be is known, in this order, from the same minute of the other partitions, from minutes within an hour,
// from the same minute of earlier weeks, and from minutes within a day. The farther away, the less is wanted.
//
// Not here: the yardstick's shares and how much lies within chance (internal/core/refill: fullness.go); what is done about
// a thin minute (internal/core: weighing.go); which minutes a request proves to have delivered (internal/core/refill).
//
// Owner: the core, that is the engine's goroutine. No lock. Rows, gaps and history are their owners'; Scale reads them.
//
// Invariants: 46 (docs/invariants.md).
package fill
