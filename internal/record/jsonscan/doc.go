// Package jsonscan reads strict JSON (RFC 8259) in place: it walks, skips and validates values without building any and
// without allocating. Pure.
//
// Positions are indexes into the caller's bytes. A function that returns the position behind what it read returns -1
// when that was not valid JSON; positions below zero may be passed on to Next and NextElement, so that a loop needs one
// check at its end. Nesting is bounded by MaxDepth.
//
// Not here: what the members of a record mean (internal/record/tweet); where a record begins and ends
// (internal/record/wire).
//
// Owner: nothing is kept: functions over the caller's bytes. Bytes that it returns are parts of them, save for a key
// that was written with escapes.
//
// Invariants: 4 (docs/invariants.md).
package jsonscan
