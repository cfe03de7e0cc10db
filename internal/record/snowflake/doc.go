// Package snowflake reads X's Tweet ids: the millisecond in which an id was made, and the unique nanosecond by which a
// store tells Tweets apart. Pure.
//
// Nano maps an id to a nanosecond within its own millisecond, and FromNano is its inverse, for ids whose sequence is
// below 976; for others Nano says that the time may not be unique.
//
// Not here: which ids are believed (internal/core/clock, internal/core/seen); minutes and spans (internal/timeline).
//
// Owner: nothing is kept: an ID is a value.
//
// Invariants: 5 (docs/invariants.md).
package snowflake
