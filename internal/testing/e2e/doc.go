// Package e2e runs the real binary under a real, stock Telegraf against the simulator on loopback, breaks things, and
// counts what landed in Telegraf's output. `make e2e` runs it.
//
// Not here: kills at chosen places (internal/testing/crash); final stores (internal/testing/stores); how the binaries
// are built and run (internal/testing/env).
//
// Owner: each test owns its processes, its simulator and its directory; TestMain sets the binaries once.
//
// Invariants: 2, 3, 4, 5, 9, 10, 11, 12, 13, 24, 25, 30, 32, 44, 45 (docs/invariants.md).
package e2e
