// Package rules holds the rules of the house (docs/architecture.md) as a test of the source
// tree itself: what may import what, where goroutines start, what a pure package must not touch.
package rules
