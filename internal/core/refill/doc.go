// Package refill decides how missing minutes are fetched again, and whether what came is complete. Pure: the caller
// passes the stream's time.
//
//	Ways.Way     for one minute: backfill, an archive, Replay or Recovery, or nothing any more
//	Rules.Next   for all minutes: the next request to X, oldest first, within age limits and the number of jobs
//	Job          follows one request to Replay or Recovery: which of its minutes are whole
//	Reading      follows one reading of an archive: the same question, other evidence
//	Yardstick    how many Tweets a minute should hold: thin, full, or not known
//
// X does not say which minutes of a request are complete, so Job judges by what came, and takes back what X denies in
// its last message. An archive knows what its site received, not what X sent, so Reading judges by evidence in the
// Tweets.
//
// Not here: when a request is sent, its limit per period, its retries, and the order of archives' readings
// (internal/core: request.go, outcome.go, archive.go); the gaps themselves (internal/core/gap); HTTP
// (internal/source/stream); files (internal/archive).
//
// Owner: the core, that is the engine's goroutine. Rules, Ways and Yardstick are values; Job and Reading belong to the
// request or reading that they follow and have no lock.
//
// Invariants: 7, 18, 21, 34 (docs/invariants.md).
package refill
