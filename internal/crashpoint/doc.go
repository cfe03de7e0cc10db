// Package crashpoint names the places at which the crash tests kill the process: between each write of state and each
// emission. In a build without the tag crashpoints its calls are empty, and the compiler drops them.
//
// Not here: the tests that choose a place and judge what landed (internal/testing/crash).
//
// Owner: the test, by the file that the environment variable File names; the process that dies deletes it, so that the
// next one lives.
//
// Invariants: 15 (docs/invariants.md).
package crashpoint
