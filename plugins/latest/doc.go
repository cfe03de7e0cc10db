// Package latest keeps what is made of files and secret stores as they are now, such as authorities, certificates,
// keys, tokens and passwords, so that they are renewed while the plugin runs. While one cannot be read, the last good
// value stands, and the operator is told once.
//
// Not here: what is made of the files (plugins/inputs/decahose: credentials.go, tls.go).
//
// Owner: the plugin that made the Values; any goroutine may call Get. Each reading is a goroutine of its own.
//
// Ends: Get waits five seconds at most. A reading that hangs is left behind, and until it ends no other of that name
// begins.
//
// Invariants: 50 (docs/invariants.md).
package latest
