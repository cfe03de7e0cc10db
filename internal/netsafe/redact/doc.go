// Package redact makes text fit to be shown that we did not write whole ourselves: what X, a store, a bucket, a driver
// or a file says, and what stands in a user's configuration. It masks secrets, by their value and by where they stand;
// it shows as an escape what no terminal should get; it bounds the length. The order matters: a secret that was cut or
// folded first would no longer be found. Pure.
//
// Not here: the secrets of this process (plugins/guard); which files and options hold them (plugins/inputs/decahose:
// credentials.go).
//
// Owner: the caller. Secrets never change after they were made; With returns new ones, so any goroutine may read them.
//
// Invariants: 51 (docs/invariants.md).
package redact
