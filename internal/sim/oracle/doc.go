// Package oracle runs the stream that internal/app puts together against decasim in a testing/synctest bubble, over several
// lives of the process, and judges the result by the simulator's truth: what was offered, and by which faults it was
// kept from us. It never asks the plugin whether it is right.
//
//	Run: server, options, lives, outputs, another site ─► Play ─► Outcome: lost, doubled, wrong, dark
//
// Not here: the truth and the faults (internal/sim/decasim); real processes (internal/testing/crash, soak and e2e).
//
// Owner: the goroutine that calls Play; everything else lives in its bubble and ends before Play returns.
//
// Invariants: 2, 3, 22, 25, 31, 34, 38, 40 (docs/invariants.md).
package oracle
