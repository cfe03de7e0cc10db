// Package debug shows a running stream to a developer: profiles, goroutines, a status as JSON, and recordings of the
// Go runtime's flight recorder. It listens on this host only, answers and changes nothing, and holds nothing up: whoever
// asks waits, never the stream. It knows nothing of Tweets, credentials and the command line.
//
// Not here: the option and what the status holds (plugins/inputs/decahose); who may talk to it (plugins/listen).
// Owner: the plugin that starts it, from Start to Stop; its HTTP server's goroutines, and one that writes recordings.
// Invariants: 9, 12 (docs/invariants.md).
package debug
