// Package world is the truth of a simulation: a World of Tweets that is a pure function of a seed, or recorded Tweets with
// new ids. It says what was written, when, and what a record is, live and as it is later on.
//
//	seed ─► World ─┐
//	records ─► Play ┴─► Source: ids of a time, the partition and the record of an id
//
// Nothing of it depends on who asks, when, or how often, so that a judge may ask again what should have been delivered.
//
// Not here: who delivers it, and every fault (internal/sim/decasim); counts without Tweets (internal/sim/volumes).
//
// Owner: sources are safe for concurrent use.
package world
