// Package sqlfile is what the files of ours that SQLite keeps have in common: how they are opened, tables whose rows have
// checksums, the versions of their schema, what is read of them without SQLite, what is saved of damaged ones, and
// how a damaged one is replaced. It says whose fault an error is: the machine's or the file's. Only what was read and is
// wrong proves damage: a lack of descriptors, memory, room or rights, a lock, and a sector that cannot be read prove
// nothing.
//
// Not here: which tables there are, what their rows mean, and what is done about damage (internal/state/store,
// internal/output/spool); the lock of the directory (internal/state/dirlock).
//
// Owner: whoever opened the file; nothing here is kept between calls. What reads a file without SQLite (Inspect,
// Readable, Blame, BorrowFirstPage) is called while nobody in this process has it open: to close it would take away the
// locks that SQLite has on it.
//
// Ends: calls end when the disk answers. Size and age of files that were set aside are bounded by the caller's Kept.
//
// Invariants: 22, 24, 37 (docs/invariants.md).
package sqlfile
