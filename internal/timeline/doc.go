// Package timeline has the units of the ledger's time: UTC minutes, spans of milliseconds of Tweet (id) time, and sets
// of such spans. Pure.
//
// Not here: the time of an id (internal/record/snowflake); what the stream's time is now (internal/core/clock).
//
// Owner: whoever holds the value. A Set has no lock.
package timeline
