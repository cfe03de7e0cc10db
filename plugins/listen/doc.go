// Package listen bounds who talks to the plugin's own HTTP servers, and how many at once.
//
// Not here: what is answered (plugins/debug; plugins/inputs/decahose for feedback); which address is this host's own
// (internal/netsafe/loopback).
// Owner: whoever serves with it; a goroutine for each connection, bounded in number and time.
// Invariants: 9 (docs/invariants.md).
package listen
