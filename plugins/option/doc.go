// Package option has what the options of the plugins share: the error that names an option, its value and what is
// allowed, the default place on disk, and the keys of an archive's bucket. A value that may hold a secret is not shown.
//
// Not here: the options themselves (plugins/inputs/decahose: options.go; plugins/outputs/decahose_archive: options.go).
//
// Owner: nothing is kept.
//
// Invariants: 51 (docs/invariants.md).
package option
