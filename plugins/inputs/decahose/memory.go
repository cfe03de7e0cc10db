package decahose

import (
	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/recording"
)

// Memory bounds what the stream holds in memory, in bytes, whatever X sends and however slow the outputs are: what waits
// for the core, what is not delivered, ids, what a
// recording has not written, and on each connection one record that is not complete, and its larger copy
// while it grows. It holds after Init. What the process needs besides, and garbage, comes on top.
func (d *Decahose) Memory() int64 {
	connections := int64(len(d.Partitions)*d.Connections + d.RecoveryJobs)
	most := engine.MaxMemory + int64(app.MaxBytes(d.MaxUndelivered)) + core.IDsMost(d.coreConfig()) + connections*2*int64(d.RecordLimit)
	if d.Debug.RecordDirectory != "" {
		most += recording.MaxMemory
	}
	return most
}
