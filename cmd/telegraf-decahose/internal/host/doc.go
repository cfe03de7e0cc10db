// Package host runs what a configuration file has under Telegraf: inputs under inputs.execd, where line protocol goes to
// stdout, or one output under outputs.execd, where it comes from stdin.
//
//	Run ───────► one road per input ─► writer of stdout; polls and the end from stdin, signals
//	RunOutput ─► stdin, cut into lines ─► decahose_archive
//
// Not here: configuration (settings), log lines (process), what an operator asks for (operator); the input and the output.
//
// Owner: the host owns stdin, stdout and the signals. One goroutine writes stdout (encode.Writer.Run), one reads stdin, one
// per input carries metrics that take Telegraf's filters, one gives memory back.
//
// Ends: the stop of inputs takes 4.2 s at most, since execd kills after 5 s; what was not written is told. A second
// signal ends the process at once.
//
// Invariants: 10, 11, 44 (docs/invariants.md).
package host
