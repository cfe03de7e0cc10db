// Package rng has the generators of everything that is drawn in a simulation: one word of state each, so that what has a
// key is a function of seed, kind and key alone, whatever was drawn before.
//
// Not here: what is drawn (internal/sim/world), faults (internal/sim/decasim); the jitter of the stream (internal/core/retry).
//
// Owner: the caller; a Rand is a value.
package rng
