// Command telegraf-decahose runs the inputs of this module under Telegraf's inputs.execd: line protocol goes to stdout,
// log lines to stderr. It also runs their output under outputs.execd, where line protocol comes from stdin, and has the
// commands for operators: gaps, minutes, recover, forget, reconcile, verify, archive, -check.
//
//	main ─┬─► host ─────┐
//	      └─► operator ─┴─► settings ─► process
//
// Not here: the input (plugins/inputs/decahose), the output (plugins/outputs/decahose_archive), and everything but the
// choice which of the packages below runs.
//
// Owner: main starts the log, and catches the signals before it reads the configuration.
//
// Exit codes: 0 stopped on request, 1 a restart may help, 2 configuration or usage.
//
// Invariants: 10, 11, 44, 45, 51 (docs/invariants.md), by the packages below.
package main
