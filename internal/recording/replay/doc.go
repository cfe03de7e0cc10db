// Package replay runs a core over a recording: it says what the core decides, event by event, and why (Explain), and turns
// a recording into a script for the tests of the core (Script).
//
// A file that is exact is decided again as it was: each decision is compared with the sum that was recorded, so another
// version of the core shows where it decides otherwise. A file that begins in the middle is decided by a core that is begun
// anew with what the file says of gaps and connections; the store, the spool and the outputs are played then, and events of
// connections that this core has not are left out, and counted.
//
// Not here: the format (internal/recording); the grammar of scripts and the driver that plays them (internal/core, its
// tests); the command (cmd/telegraf-decahose).
//
// Owner: each call owns its core; nothing is kept.
package replay
