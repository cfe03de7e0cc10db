package decahose

import (
	"sync"
	"time"

	"github.com/influxdata/telegraf/config"

	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/release"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

const (
	minRecordLimit = config.Size(recording.MinLimit)
	maxRecordLimit = config.Size(64 << 30)
)

func (d *Decahose) checkRecording() error {
	n := d.Debug.RecordLimit
	if wanted := d.Debug.RecordDirectory != "" || n != 0; wanted && (n < minRecordLimit || n > maxRecordLimit) {
		return option.Bad("debug.record_limit", int64(n), "a size from 1MiB to 64GiB")
	}
	return nil
}

// record has a recorder hear what the engine's core is given, and each step. Where it cannot write the stream goes on without
// it: no Tweet may be missed for it.
func (d *Decahose) record(l *engine.Listener) {
	dir := d.Debug.RecordDirectory
	if dir == "" {
		return
	}
	r, err := recording.New(recording.Config{Directory: dir, Limit: int64(d.Debug.RecordLimit), Program: release.Version(), Say: d.say})
	if err != nil {
		d.Log.Warnf("Stream %s: nothing is recorded: option \"debug.record_directory\" is %q: %v", d.StreamLabel, dir, err)
		return
	}
	d.recorder = &recorder{Recorder: r, done: make(chan struct{})}
	l.Begins, l.Stepped = r.Begins, r.Stepped
	d.recorder.wg.Go(d.recorder.run)
	d.Log.Infof("Stream %s: events are recorded in %s", d.StreamLabel, dir)
}

// recorder writes on a goroutine of its own, which ends after Close, unless the disk hangs.
type recorder struct {
	*recording.Recorder
	wg   sync.WaitGroup
	done chan struct{}
}

func (r *recorder) run() {
	defer close(r.done)
	r.Run()
}

// status is nil where nothing is recorded.
func (r *recorder) status() *recording.Status {
	if r == nil {
		return nil
	}
	s := r.Status()
	return &s
}

// recordTimeout is how long the disk may take for the last events.
const recordTimeout = time.Second

// closeRecorder ends what record began, when nothing is stepped any more. It may be called without it. A disk that hangs is left
// behind.
func (d *Decahose) closeRecorder() {
	r := d.recorder
	if r == nil {
		return
	}
	d.recorder = nil
	r.Close()
	late := time.NewTimer(recordTimeout)
	defer late.Stop()
	select {
	case <-r.done:
	case <-late.C:
		d.Log.Warnf("Stream %s: the disk of the recording hangs: its last events may be missing", d.StreamLabel)
		return
	}
	if err := r.Release(); err != nil {
		d.Log.Warnf("Stream %s: recording: %v", d.StreamLabel, err)
	}
	if n := r.Status().Unrecorded; n > 0 {
		d.Log.Warnf("Stream %s: %d events were not recorded", d.StreamLabel, n)
	}
}
