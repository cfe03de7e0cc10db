// Package sqlfile opens SQLite files of ours, marks the version of their schema, sets damaged ones aside, and tells
// whether an error is the disk's fault or the file's. Only what was read and is wrong proves damage: a lack of
// descriptors, memory, room or rights, a lock, and a sector that cannot be read prove nothing.
//
// Not here: tables, checksums of rows, migrations, and what is done about damage (internal/state/store,
// internal/output/spool); the lock of the directory (internal/state/dirlock).
//
// Owner: the caller owns each database that it opened; nothing is kept between calls.
//
// Ends: calls end when the disk answers. Size and age of files that were set aside are bounded by the caller's Kept.
//
// Invariants: 24, 37 (docs/invariants.md).
package sqlfile
