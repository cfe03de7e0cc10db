// Package tweet turns one record into the fields that a user asked for, in one strict pass which also proves that the
// record is complete and valid JSON with a top-level id. It reads both of X's formats, native and Activity Streams.
// Pure.
//
//	record ─► native.go or activity.go: one pass, remembers where each candidate stands ─► choose.go: Tweet
//
// Members of an unexpected type count as absent: X may change one without our losing Tweets.
//
// Not here: the cut into records and the first look for the id (internal/record/wire); the JSON grammar
// (internal/record/jsonscan); names of tags and fields, and escaping (internal/output/encode); whether the Tweet is new
// (internal/core/dedup).
//
// Owner: a Parser has one owner, the core, that is the engine's goroutine. A Tweet's bytes point into the record or
// into the Parser's arena, and are valid until the Parser's next Reset.
//
// Invariants: 4 (docs/invariants.md).
package tweet
