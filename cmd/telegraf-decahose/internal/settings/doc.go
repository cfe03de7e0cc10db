// Package settings reads the program's configuration file, which is a part of a Telegraf configuration, by Telegraf's own
// loader, and explains what is wrong with it: the line, the option, what is allowed, and which option may have been meant.
//
//	file ─► document: its lines, for errors ─► foreign and loose options refused ─► Telegraf's loader ─► Init of the plugins
//
// Not here: the options themselves and their limits (plugins/inputs/decahose, plugins/outputs/decahose_archive); how long a
// file may take to be read (the program's main.go).
//
// Owner: nothing; a File is read once, by one goroutine.
//
// Invariants: 51 (docs/invariants.md): no error and no warning shows a value that may be a credential.
package settings
