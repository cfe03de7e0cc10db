package decahose

import (
	"os"
	"path/filepath"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
)

// tellOfPlace warns of what a file system cannot do, and of a directory that others can write to.
func (d *Decahose) tellOfPlace() {
	dir := d.StateDir()
	if !durable.KeepsNames(dir) {
		d.Log.Warnf("Stream %s: the file system of %s cannot sync directories: after a loss of power files made just before may be gone", d.StreamLabel, dir)
	}
	if text := foreign(dir); text != "" {
		d.Log.Warnf("Stream %s: the state directory %s %s", d.StreamLabel, dir, text)
	}
}

const (
	// longLog is a log of ledger or spool that somebody must be the cause of, and logsEvery how often it is told of.
	longLog   = 32 << 20
	logsEvery = 10 * time.Minute
)

// tellOfLogs warns of a log that grows because some program has a query of the file open: SQLite cannot begin it anew
// meanwhile, and the disk fills.
func (d *Decahose) tellOfLogs(now time.Time) {
	if now.UnixNano()-d.logsTold.Load() < int64(logsEvery) {
		return
	}
	for _, name := range []string{"ledger.db", spool.Name} {
		path := filepath.Join(d.StateDir(), name)
		if info, err := os.Stat(path + sqlfile.LogSuffix); err == nil && info.Size() > longLog {
			d.logsTold.Store(now.UnixNano())
			d.Log.Warnf("Stream %s: %s-wal has %d MiB and grows: some program has a query of %s open (a pager, a backup; fuser tells which); it shrinks when that ends",
				d.StreamLabel, path, info.Size()>>20, name)
		}
	}
}
