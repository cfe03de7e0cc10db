// Package clock tells the time of the stream: the Tweets' own time, agreed on by several Tweets of several connections
// and run on this host's steady clock.
//
// What an id says of time is a claim. If one id moved the stream's time, a single bad record could close minutes early,
// make an outage look covered, or expire what can still be recovered.
//
// Not here: what follows from a leap of the stream's time (core: follow, keep), the clock of the host (the engine reads it
// and hands it in).
// Owner: core.Core; the engine's goroutine. Pure: time is an argument.
// Invariants: 40, 41, 42 (docs/invariants.md).
package clock
