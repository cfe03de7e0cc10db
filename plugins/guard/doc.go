// Package guard holds the secrets of this process, and keeps them out of everything that its plugins and commands say.
// Whoever reads a secret calls Remember; whoever shows words that are not all ours passes them through Line, Error or
// Logger.
//
// Not here: how text is masked and escaped (internal/netsafe/redact); where secrets are read (plugins/inputs/decahose,
// plugins/outputs/decahose_archive).
//
// Owner: the process. The known secrets are one value that never changes, replaced atomically; any goroutine may add to
// it.
//
// Invariants: 51 (docs/invariants.md).
package guard
