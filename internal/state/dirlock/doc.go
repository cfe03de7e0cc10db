// Package dirlock makes a directory one process's own. It locks both the directory itself and a file "lock" in it:
// somebody may delete the file, and older versions know of the file alone.
//
// Not here: what is in the directory (internal/state/store, internal/archive, which take the lock).
//
// Owner: the operating system keeps the lock for as long as the process lives or until Release; it ends with a killed
// process by itself. A Lock belongs to whoever took it.
//
// Ends: Take tries five times within a tenth of a second, since a process that only looks (Held) has the lock for a
// moment.
//
// Invariants: 24, 37 (docs/invariants.md).
package dirlock
