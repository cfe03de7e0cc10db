package debug

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/trace"
	"strings"
	"sync"
	"time"
)

const (
	// flightAge and flightBytes are what the recorder keeps: the seconds before a gap in which it came about, and the 5
	// until a commit tells of it. The runtime takes both as hints.
	flightAge   = 20 * time.Second
	flightBytes = 16 << 20
	// maxRecording bounds a file in bytes, maxRecordings their number; the oldest give way.
	maxRecording  = 4 * flightBytes
	maxRecordings = 8
	// recordInterval is the least time between two recordings: an outage opens a gap in each partition, and more follow.
	recordInterval = time.Minute
)

// recorder is the flight recorder of the process, of which the runtime has one.
var recorder flightRecorder

// flightRecorder runs while somebody has started it.
type flightRecorder struct {
	mu     sync.Mutex // the runtime does not take two snapshots at once
	users  int
	flight *trace.FlightRecorder // nil: it does not run
}

// start counts a user, also where the recorder cannot be had, which is the error.
func (f *flightRecorder) start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users++
	if f.flight != nil {
		return nil
	}
	flight := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: flightAge, MaxBytes: flightBytes})
	if err := flight.Start(); err != nil {
		return fmt.Errorf("start the flight recorder: %w", err)
	}
	f.flight = flight
	return nil
}

func (f *flightRecorder) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 && f.flight != nil {
		f.flight.Stop()
		f.flight = nil
	}
}

// errNoRecorder: another part of this process has the recorder.
var errNoRecorder = errors.New("nothing is recorded")

// snapshot is the last seconds, as go tool trace reads them. They are taken into memory, so that no slow disk or client
// holds up another input's start or stop.
func (f *flightRecorder) snapshot() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.flight == nil {
		return nil, errNoRecorder
	}
	var b limited
	if _, err := f.flight.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("take the recording: %w", err)
	}
	return b.Bytes(), nil
}

// limited refuses more than maxRecording bytes.
type limited struct{ bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > maxRecording {
		return 0, errors.New("it is too large")
	}
	return l.Buffer.Write(b)
}

// record is the goroutine that writes recordings.
func (s *Server) record() {
	var last time.Time
	for {
		select {
		case <-s.gaps:
		case <-s.ctx.Done():
			return
		}
		if now := time.Now(); last.IsZero() || now.Sub(last) >= recordInterval {
			last = now
			s.recordAt(now)
		}
	}
}

func (s *Server) recordAt(now time.Time) {
	recording, err := recorder.snapshot()
	if errors.Is(err, errNoRecorder) {
		return // it was told of at the start
	}
	path := filepath.Join(s.cfg.Directory, prefix+now.UTC().Format("20060102T150405Z")+suffix)
	if err == nil {
		err = writeRecording(path, recording)
	}
	if err != nil {
		s.cfg.Say('W', "debug: the last seconds before the gap are not recorded: "+err.Error())
		return
	}
	s.cfg.Say('I', "debug: the last seconds before the gap are in "+path)
}

// The names of recordings, in the order of their times. What is unfinished is of a process that was killed.
const (
	prefix     = "gap-"
	suffix     = ".trace"
	unfinished = ".trace.new"
)

// writeRecording leaves a whole file or none, and at most maxRecordings of them.
func writeRecording(path string, recording []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make directory of recordings: %w", err)
	}
	if err := thin(filepath.Dir(path), maxRecordings-1); err != nil {
		return err
	}
	fresh := strings.TrimSuffix(path, suffix) + unfinished
	err := os.WriteFile(fresh, recording, 0o600)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write recording: %w", err), os.Remove(fresh))
	}
	return nil
}

// thin deletes all recordings but the newest, and those that are unfinished. Other files are not ours.
func thin(dir string, keep int) error {
	entries, err := os.ReadDir(dir) // in the order of names
	if err != nil {
		return fmt.Errorf("list recordings: %w", err)
	}
	var whole, gone []string
	for _, e := range entries {
		switch name := e.Name(); {
		case !strings.HasPrefix(name, prefix):
		case strings.HasSuffix(name, unfinished):
			gone = append(gone, name)
		case strings.HasSuffix(name, suffix):
			whole = append(whole, name)
		}
	}
	for _, name := range append(gone, whole[:max(0, len(whole)-keep)]...) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("delete recording: %w", err)
		}
	}
	return nil
}
