// Package rules holds the rules of the house (docs/architecture.md) as a test of the source tree itself: what may
// import what, where goroutines start, what a pure package must not touch, and that each package says what it holds.
//
// Not here: style that linters check (.golangci.yml).
//
// Owner: the tests read the tree and keep nothing.
package rules
