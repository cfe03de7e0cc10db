// Package smalldisk gives tests a file system that is soon full, and a process that is soon out of descriptors. It is
// for Linux; a file system needs the right to mount, else the test is skipped.
//
// Not here: a disk that loses what was not synced (internal/archive: its tests).
//
// Owner: the test, which gets everything back as it was at its end. Descriptors changes the whole process, so no other
// test may run meanwhile.
package smalldisk
