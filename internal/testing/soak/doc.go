// Package soak runs the real binary under a real Telegraf, or a custom Telegraf with the plugin in it, into a store
// that fails, refuses, hangs, is slow or goes away, while Telegraf, the plugin or both are stopped, reloaded and
// killed; and judges by the simulator's truth what is in the store in the end. `make soak-delivery` runs it.
//
// Not here: the same in fake time (internal/sim/oracle); audits of real stores (internal/testing/stores).
//
// Owner: each test owns its processes, its simulator, its store and its directory.
//
// Invariants: 31 (docs/invariants.md).
package soak
