// Package optiontest is for tests of plugins: it tries the limits of their options.
//
// Not here: the limits (each plugin's options).
// Owner: nobody.
// Invariants: none.
package optiontest
