// Package rules holds the rules of the house (docs/architecture.md) as a test of the source tree itself: what may
// import what, where goroutines start, what a pure package must not touch, that each package says what it holds, and
// that no identifier uses a word which the glossary rules out.
//
// Not here: style that linters check (.golangci.yml).
//
// Owner: the tests read the tree and keep nothing.
package rules
