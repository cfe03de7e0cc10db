// Command picture draws the groups of packages, and which group imports which, as the imports of the tree say; arrows that
// others imply are left out.
//
//	go run ./tools/picture [-check]
//
// It writes docs/groups.svg; with -check it compares only, and ends with 1 where the file is stale.
//
// Not here: which group may import which (internal/testing/rules).
// Owner: nothing; it reads the tree and writes one file.
// Invariants: none.
package main
