// Package operator has the commands for the people who run a stream: gaps, minutes, recover, forget, reconcile, verify,
// archive, replay, and -check.
//
//	command line ─► Console: settings ─► state of the stream, read beside a running plugin ─► table or JSON
//	                                  └► an order left in the state, followed until the plugin has carried it out
//
// Not here: every decision about the stream: commands show what the plugin wrote, and leave orders that it carries out. Where
// none runs, recover runs the plugin itself, without connections to the stream.
//
// Owner: stdout, and of the state nothing but the orders; forget owns it while no plugin runs.
//
// Invariants: 45, 51 (docs/invariants.md). Exit code 2 is for what the same command line will have again.
package operator
