// Package audit compares what a final store holds with what the ledger says was emitted, minute by minute. It only
// reads, and asks a store for bounded times only. docs/audit.md describes the stores and their queries.
//
//	ReadBook: ledger and spool ─┐
//	                            ├─► Compare ─► Line per minute ─► Watch: two looks ─► Wanted: what may be repaired
//	Open: Store (SQL, HTTP,     │      missing, surplus, unknown, on its way
//	      files) ───────────────┘
//
// An audit does not guess: what the ledger or the store cannot tell is unknown. One look cannot tell what is lost from
// what waits in a buffer, so a Tweet must be missing in two.
//
// Not here: the interval, the alarm and the order of a repair (plugins/inputs/decahose: audit.go, auditing.go); the
// repair itself (internal/core: repair.go); the command reconcile (cmd/telegraf-decahose).
//
// Owner: the goroutine of one audit owns its Store, its Watch and what Compare returns. Nothing is shared between
// audits.
//
// Bounds and ends: every answer is bounded in bytes, rows and bytes of a row, and one that goes beyond is an error.
// Every question ends with its context.
//
// Invariants: 9, 36, 47, 52 (docs/invariants.md).
package audit
