// Package clitest has what tests of several packages of the program share: configurations, mistakes that people make in
// them, and what must hold of every line that is said of one.
//
// Not here: processes that are run (child_test.go of the program).
// Owner: nothing.
// Invariants: none of its own; 51 (docs/invariants.md) is what RequireHidden asks for.
package clitest
