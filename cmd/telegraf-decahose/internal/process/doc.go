// Package process is what the parts of the program share of the process that it is: its exit codes, the lines that it logs
// to stderr, whether stdout is there at all, and as whose files are written.
//
//	Telegraf's logger, plugins' loggers, the host ─► Log: a queue ─► one goroutine ─► stderr, a line at a time
//
// Not here: configuration (settings), stdin, signals and the writing to stdout (host), commands (operator); which secrets
// are masked (plugins/guard).
//
// Owner: the goroutine of Log.Begin owns stderr. It drops lines when stderr stands still, and says how many. Become
// changes the identity of the whole process: commands call it one after the other.
//
// Invariants: 51 (docs/invariants.md). A line is at most MaxLine bytes, and one line whatever is in it.
package process
