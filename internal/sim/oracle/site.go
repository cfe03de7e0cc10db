package oracle

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

// Site is another location that consumes the same stream with an engine of its own, and stores what that emits in an
// archive, from which the judged one fills its gaps.
type Site struct {
	Dir      string // of the archive; it keeps no state, so what it missed stays missing there
	From     time.Duration
	Down     []Outage // when it does not run, after the run's begin
	Interval time.Duration
	Trust    bool
	Lacks    int                               // a partition that it does not consume, 0: none
	Source   func(engine.Source) engine.Source // changes what the judged engine reads, nil: nothing
}

// Outage is a time after the run's begin.
type Outage struct{ From, For time.Duration }

// archiveDelay is that of the judged engine: a segment is closed by then.
const archiveDelay = 3 * time.Minute

// Archive is where the site stores.
func (s *Site) Archive() string { return filepath.Join(s.Dir, "archive") }

// live runs the site until done is closed. It is one goroutine of the run.
func (s *Site) live(r Run, l *decasim.PipeListener, done <-chan struct{}) {
	begun := time.Now()
	if !until(begun.Add(cmp.Or(s.From, 2*time.Second)), done) {
		return
	}
	for _, d := range append(s.Down, Outage{From: 1000 * time.Hour}) {
		if time.Now().Before(begun.Add(d.From)) {
			stop := s.begin(r, l)
			until(begun.Add(d.From), done)
			stop()
		}
		if !until(begun.Add(d.From+d.For), done) {
			return
		}
	}
}

// until waits for a time; false if done came first.
func until(at time.Time, done <-chan struct{}) bool {
	select {
	case <-time.After(time.Until(at)):
		return true
	case <-done:
		return false
	}
}

// begin begins a life of the site's process, and returns what ends it.
func (s *Site) begin(r Run, l *decasim.PipeListener) (stop func()) {
	w, err := archive.NewWriter(s.Archive(), archive.WriterOptions{Spool: archive.Spool(s.Archive()), SpoolLimit: 1 << 30,
		Interval: cmp.Or(s.Interval, 90*time.Second), Level: 1, OpenLimit: 64 << 20}, time.Now())
	if err != nil {
		panic("open archive: " + err.Error())
	}
	store := &storing{w: w}
	other := Run{Server: r.Server, Core: func(c *core.Config) {
		if r.Core != nil {
			r.Core(c)
		}
		c.Recovery.Method = refill.None
		c.Partitions = slices.DeleteFunc(c.Partitions, func(p int) bool { return p == s.Lacks })
	}, Out: func(to io.Writer) io.Writer { return io.MultiWriter(to, store) }}
	p := other.begin(l, &Outcome{})
	return func() {
		p.end(false)
		store.flush()
		if err := w.Close(); err != nil {
			panic("close archive: " + err.Error())
		}
	}
}

// storing writes Tweets into an archive, a second's at once.
type storing struct {
	mu   sync.Mutex
	w    *archive.Writer
	rest []byte
	at   time.Time
}

func (s *storing) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, b...)
	if time.Since(s.at) >= time.Second {
		s.write()
	}
	return len(b), nil
}

func (s *storing) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write()
}

// write takes the whole lines: with newlines in no text, as schema says, a line is a Tweet or a counter.
func (s *storing) write() {
	s.at = time.Now()
	var batch archive.Batch
	end := bytes.LastIndexByte(s.rest, '\n') + 1
	for line := range bytes.Lines(s.rest[:end]) {
		if bytes.HasPrefix(line, []byte("decahose_tweet,")) {
			if err := batch.Add(line); err != nil {
				panic(fmt.Sprintf("archive refuses %s: %v", line, err))
			}
		}
	}
	s.rest = append([]byte(nil), s.rest[end:]...)
	if batch.Len() > 0 {
		if err := s.w.Write(&batch, time.Now()); err != nil {
			panic("write archive: " + err.Error())
		}
	}
	if err := s.w.Seal(time.Now()); err != nil {
		panic("seal archive: " + err.Error())
	}
}

// fill has the engine fill gaps from the site's archive.
func (s *Site) fill(cfg *engine.Config) {
	a, err := archive.Open(s.Archive(), archive.Options{})
	if err != nil {
		panic("open archive: " + err.Error())
	}
	var source engine.Source = a
	if s.Source != nil {
		source = s.Source(a)
	}
	cfg.Archives = []engine.Archive{{Source: source, Schema: schema(), Timeout: 30 * time.Second}}
	cfg.Core.Archives = []refill.Copy{{Name: "b", Delay: archiveDelay, Horizon: 120 * time.Hour, Trust: s.Trust}}
}
