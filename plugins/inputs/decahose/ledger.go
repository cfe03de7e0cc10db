package decahose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/durable"
	"github.com/decahose/telegraf-decahose/internal/state/sqlfile"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// openState opens the ledger and the spool, whose entries it returns, and has the core begin where the last process ended.
// Without a ledger nothing may be asked for, so nothing is begun. An *option.Error says that another directory is needed, or
// another user; any other that what is there could not be read now, and was left as it is.
func (d *Decahose) openState(cfg *engine.Config) ([]spool.Entry, error) {
	s, past, err := store.Open(d.StateDir(), store.Options{Horizon: d.Ways().Reach()})
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, option.Bad("state_directory", d.StateDirectory, "one that no other process uses for this stream: "+err.Error())
	case errors.Is(err, store.ErrNewer):
		return nil, option.Bad("state_directory", d.StateDirectory, "one of this version or an older one; nothing was touched: "+err.Error())
	case errors.Is(err, store.ErrPlace):
		return nil, option.Bad("state_directory", d.StateDirectory, "a directory that can be created and written: "+err.Error())
	case err != nil:
		return nil, fmt.Errorf("%w; nothing was touched", err)
	}
	d.state = s
	d.tellOfPlace()
	cfg.Store = s
	cfg.Core.State, cfg.Core.Past, cfg.Core.Started = true, past, moment()
	cfg.Core.Offline = d.offline
	return d.openSpool(past)
}

// closeState gives the ledger to the next process. Commits are synced as they are made, so an error costs nothing.
func (d *Decahose) closeState() {
	if d.state == nil {
		return
	}
	if err := d.state.Close(); err != nil {
		d.Log.Errorf("Stream %s: close state: %v", d.StreamLabel, err)
	}
	d.state = nil
}

// DrainedBy has the stop wait until wait says that the reader of the output has taken everything. For the host,
// before Start.
func (d *Decahose) DrainedBy(wait func(context.Context) bool) { d.drained = wait }

// RecoverOnly has the input open no connection to the stream: it only asks for what is missing. For commands, before
// Start.
func (d *Decahose) RecoverOnly() { d.offline = true }

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
