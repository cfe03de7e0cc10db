// Package volume judges whether a minute is as full as it should be, and names the layer that is wrong when it is not:
// X, the network, a partition, this plugin, or the sink. It knows counts alone. docs/volumes.md has the formulae, and
// what each of them cannot see. Pure.
//
//	Minute ─► Judge.Close ─┬─► season     against the same minute of earlier weeks
//	                       ├─► balance    between partitions
//	                       ├─► estimate   what all connections missed, by capture-recapture
//	                       ├─► leak, step slow losses, sudden falls
//	                       └─► board      hysteresis ─► Verdict: grades, alarms that begin or end
//
// Not here: the counts (internal/state/ledger); when a minute closes, and the metrics and log lines of an alarm
// (internal/core: alarm.go, volume.go, and report); whether a filled minute is whole (internal/core/fill,
// internal/core/refill: fullness.go); simulated days (internal/sim/volumes).
//
// Owner: the core, that is the engine's goroutine, owns the one Judge of a stream; internal/sim/volumes has its own. A
// Judge has no lock and its memory is bounded: a quarter of a megabyte for each partition, and once more for their sum.
package volume
