// Command telegraf-decahose runs the inputs of this module under Telegraf's inputs.execd: line protocol goes to stdout,
// log lines to stderr. It also runs their output under outputs.execd, where line protocol comes from stdin, and has the
// commands for operators: gaps, minutes, recover, forget, reconcile, verify, archive, -check.
//
//	main ─┬─► host: writer of stdout, one road per input, polls from stdin, signals, stop
//	      ├─► outputHost: stdin ─► decahose_archive
//	      └─► console: one command, which reads the state beside a running plugin, or leaves an order in it
//
// Not here: the input (plugins/inputs/decahose), the output (plugins/outputs/decahose_archive), and every decision
// about the stream: commands show what the plugin wrote, and leave orders that the plugin carries out.
//
// Owner: the host owns stdin, stdout, stderr and the signals. One goroutine writes stdout (encode.Writer.Run), one
// writes log lines and drops them when stderr stands still, one reads stdin, one per input carries metrics that take
// Telegraf's filters.
//
// Ends: the stop of inputs takes 4.2 s at most, since execd kills after 5 s; what was not written is told. A second
// signal ends the process at once. Exit codes: 0 stopped on request, 1 a restart may help, 2 configuration or usage.
//
// Invariants: 10, 11, 44, 45, 51 (docs/invariants.md).
package main
