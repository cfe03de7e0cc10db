// Package stores runs the real binary under a real Telegraf into real stores, has Telegraf drop Tweets while its output
// is stopped, and judges by the simulator's truth and the store's own words whether the audit finds exactly those, and
// whether the repair brings them back. `make test-stores` runs it.
//
// Not here: the comparison itself (internal/audit); how databases are started (internal/testing/env).
//
// Owner: each test owns its processes, its database and its directory.
//
// Invariants: 35 (docs/invariants.md).
package stores
