package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/settings"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

const (
	// stopLimit bounds the whole stop, whatever hangs: execd kills after 5 s.
	stopLimit = 4200 * time.Millisecond
	// drainLimit is when a road whose stdout is stuck gives up, so that its input can end.
	drainLimit = 2700 * time.Millisecond
)

// host runs the inputs of one configuration file until it is told to stop.
type host struct {
	settings  *settings.File
	log       *process.Log
	ask       *Requests
	interval  time.Duration // between polls; 0: only when asked
	signalled bool          // a signal asked for the stop; the next ends it at once

	stdout *os.File // the one way to the real stdout
	writer *encode.Writer
	roads  []*road
	failed chan error // why stdout cannot be written; buffered, so that nobody waits for the host
	wg     sync.WaitGroup
}

// Run runs the inputs of the file until it is asked to stop, and returns the exit code. Counters are emitted when they are
// asked for, and where nobody does, once in an interval that is not 0.
func Run(s *settings.File, log *process.Log, ask *Requests, interval time.Duration) int {
	h := &host{settings: s, log: log, ask: ask, interval: interval, failed: make(chan error, 1)}
	return h.run()
}

func (h *host) run() int {
	if process.ClosedStdout() {
		h.log.Print('E', "stdout is closed: Tweets must have somewhere to go (for none, >/dev/null)")
		return process.ExitUsage
	}
	if err := h.open(); err != nil {
		h.log.Print('E', "take stdout: "+err.Error())
		return process.ExitFailure
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h.wg.Go(func() { h.writer.Run(ctx) }) // owns stdout from here on
	if err := h.start(); err != nil {
		h.log.Print('E', err.Error())
		return exitCode(err)
	}
	h.ask.begin(&h.wg)
	limitMemory(h.settings.Inputs)
	h.wg.Go(func() { giveBack(ctx) })
	if err := h.serve(); err != nil {
		h.log.Print('E', err.Error())
		return process.ExitFailure
	}
	return h.stop(cancel)
}

// open makes stdout private: what libraries print goes to stderr and cannot tear a line.
func (h *host) open() error {
	f, err := takeStdout()
	if err != nil {
		return err
	}
	h.stdout = f
	h.writer = encode.NewWriter(watched{f, h.failed})
	return nil
}

// watched tells the host of the first failed write.
type watched struct {
	out    io.Writer
	failed chan<- error
}

func (w watched) Write(b []byte) (int, error) {
	n, err := w.out.Write(b)
	if err != nil {
		select {
		case w.failed <- fmt.Errorf("write to stdout: %w", err):
		default:
		}
	}
	return n, err
}

func (h *host) start() error {
	for _, ri := range h.settings.Inputs {
		r := newRoad(ri, h.writer, h.log)
		h.roads = append(h.roads, r)
		if err := r.start(len(h.settings.Tags), h.stdout); err != nil {
			h.drain(func() {})
			return fmt.Errorf("%s: %w", h.settings.Path, err)
		}
	}
	return nil
}

// exitCode of a start that failed: a bad option, such as a state directory that cannot be written, is not cured by
// a restart.
func exitCode(err error) int {
	if _, ok := errors.AsType[*option.Error](err); ok {
		return process.ExitUsage
	}
	return process.ExitFailure
}

// serve polls the inputs whenever they are asked for, and returns when it is time to stop; an
// error says that stdout is gone.
func (h *host) serve() error {
	tick := time.NewTicker(max(h.interval+h.interval/4, time.Nanosecond))
	defer tick.Stop()
	if h.interval == 0 {
		tick.Stop()
	}
	for {
		select {
		case <-tick.C:
			h.poll()
			tick.Reset(h.interval) // nobody asks
		case <-h.ask.polls:
			h.poll()
			if h.interval > 0 {
				tick.Reset(h.interval + h.interval/4) // who asks as often as this is not forestalled
			}
		case <-h.ask.ended:
			return nil
		case <-h.ask.Stops:
			h.signalled = true
			return nil
		case err := <-h.failed:
			return err
		}
	}
}

func (h *host) poll() {
	for _, r := range h.roads {
		// Gather of these inputs only raises a flag; it has no error.
		_ = r.input.Gather(r.acc)
	}
}

// stop ends the inputs, writes what they had, and lets the reader of stdout have it. It takes
// stopLimit at most; a second signal ends it at once.
func (h *host) stop(cancel context.CancelFunc) int {
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	steps := []func(){func() { h.drain(cancel) }, h.leave}
	done := h.begin(steps[0])
	for {
		select {
		case <-done:
			if steps = steps[1:]; len(steps) == 0 {
				return process.ExitStopped
			}
			done = nil
			if len(h.failed) == 0 { // otherwise stderr stays open to say so
				done = h.begin(steps[0])
			}
		case <-limit.C:
			what := "stdout was not read to the end; what was not written is left out"
			if len(steps) == 2 && len(h.failed) == 0 {
				what = "a disk, a store or stdout hangs, and is left behind; what is not in the state comes again"
			}
			h.log.Print('W', what)
			return process.ExitStopped
		case err := <-h.failed:
			h.log.Print('E', err.Error())
			return process.ExitFailure
		case <-h.ask.Stops:
			if h.signalled {
				return process.ExitFailure
			}
			h.signalled = true // the first: Ctrl-C ends stdin and signals, in either order
		}
	}
}

// begin runs a step of the stop on a goroutine of its own, since stdout may be stuck for good.
func (h *host) begin(step func()) <-chan struct{} {
	done := make(chan struct{})
	h.wg.Go(func() {
		step()
		close(done)
	})
	return done
}

// drain ends the inputs, all at once, and has written what they had.
func (h *host) drain(cancel context.CancelFunc) {
	var stopping sync.WaitGroup
	for _, r := range h.roads {
		stopping.Go(r.stop)
	}
	stopping.Wait()
	cancel() // a write that came back was made: the writer holds nothing
}

// leave lets the reader have the rest and closes stdout and stderr.
func (h *host) leave() {
	h.log.Flush()
	linger(h.stdout)
}
