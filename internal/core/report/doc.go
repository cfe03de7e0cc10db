// Package report says what happened: the points of the stream's metrics, and the alarms. Pure: a point is made of a
// snapshot, a value that the core fills in.
//
//	Stream, Connection, Minute, Gap, Request   snapshots; Point makes the metric
//	Backlog                                    how long Tweets wait to be written out, and because of whom
//	Volumes                                    judges closed minutes, remembers whole ones, and what was said of each
//	Alarms                                     alarms that changed, until they are reported
//
// Not here: when something is reported (internal/core: points.go, volume.go); the judgement itself (internal/volume);
// line protocol (internal/output/encode); log lines (internal/core, where they are caused).
//
// Owner: the core, that is the engine's goroutine. Snapshots are values; Backlog, Volumes and Alarms have no lock.
//
// Invariants: 2 (docs/invariants.md).
package report
