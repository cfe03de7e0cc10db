// Package crash kills the real binary under a real Telegraf, at random moments and between each write of state and each
// emission, damages its state between two lives, and judges by the simulator's truth what landed. `make crash` runs it.
//
// Not here: the places at which a process dies (internal/crashpoint); the processes themselves (internal/testing/env).
//
// Owner: each test owns its processes, its simulator and its directory.
//
// Invariants: 15, 25 (docs/invariants.md).
package crash
