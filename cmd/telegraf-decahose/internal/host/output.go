package host

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/settings"
	"github.com/decahose/telegraf-decahose/internal/record/lineproto"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

const (
	// lineLimit is the longest line that is taken from stdin. A Tweet with its record has 10 KiB, seldom 100.
	lineLimit = 16 << 20
	// intakeBytes are collected for one write where stdin has more than is asked for.
	intakeBytes = 4 << 20
	// chunkBytes are read from stdin at once.
	chunkBytes = 256 << 10
	// restWait is how long the rest of a Tweet may take that an output above cut into several lines. Until then the last
	// line that came may be a part of one; what was before it is written at once.
	restWait = 500 * time.Millisecond
	// retryEvery is how long a write that failed waits until it is tried again. Stdin is not read meanwhile.
	retryEvery = time.Second
	// afterStop is how long stdin is read on after a signal: Telegraf, which got it too, flushes its buffers then.
	afterStop = 1500 * time.Millisecond
	// outputStopLimit bounds what the end of stdin may take.
	outputStopLimit = 3 * time.Second
)

// outputHost runs the output of one configuration file on what comes from stdin, until that ends. It takes only as much as
// it can make durable: the rest stays in the pipe, and in Telegraf.
type outputHost struct {
	out    *decahose_archive.Archive
	log    *process.Log
	ask    *Requests
	stops  bool          // a signal came
	ended  chan struct{} // closed at the end of stdin
	line   []byte
	skip   bool // the line is too long: what comes of it is dropped
	cutter lineproto.Cutter
	wg     sync.WaitGroup
}

// RunOutput runs the output of the file on what comes from stdin, and returns the exit code.
func RunOutput(s *settings.File, log *process.Log, ask *Requests, stdin io.Reader) int {
	h := &outputHost{out: s.Output.Output.(*decahose_archive.Archive), log: log, ask: ask, ended: make(chan struct{})}
	return h.run(stdin)
}

func (h *outputHost) run(stdin io.Reader) int {
	if err := h.out.Connect(); err != nil {
		h.log.Print('E', err.Error())
		return process.ExitFailure
	}
	chunks := make(chan []byte, 4)
	h.wg.Go(func() { h.read(stdin, chunks) })
	h.serve(chunks)
	return h.finish(chunks)
}

// read is the goroutine that reads stdin; it lives until stdin or the process ends. A chunk is a gift.
func (h *outputHost) read(stdin io.Reader, chunks chan<- []byte) {
	defer close(chunks)
	defer close(h.ended)
	for {
		b := make([]byte, chunkBytes)
		n, err := stdin.Read(b)
		if n > 0 {
			chunks <- b[:n]
		}
		if err != nil {
			return
		}
	}
}

// serve returns at the end of stdin, or some time after a signal. What was taken is written when there is no more for the
// moment, or when it is much; the last line, which may go on, when nothing more came for a while.
func (h *outputHost) serve(chunks <-chan []byte) {
	var leave, rest <-chan time.Time
	for {
		select {
		case chunk, more := <-chunks:
			if !more {
				return
			}
			h.take(chunk)
			if (len(chunks) == 0 || h.out.Pending() >= intakeBytes) && !h.flush(h.out.FlushWhole) {
				return
			}
			rest = time.After(restWait)
		case <-rest:
			if rest = nil; !h.flush(h.out.Flush) {
				return
			}
		case <-h.ask.polls: // there are no counters to emit
		case <-leave:
			return
		case <-h.ask.Stops:
			if h.stops {
				return
			}
			h.stops = true
			leave = time.After(afterStop)
		}
	}
}

// take cuts the chunk into lines.
func (h *outputHost) take(chunk []byte) {
	for len(chunk) > 0 {
		n, whole := h.cutter.Next(chunk)
		if h.line = append(h.line, chunk[:n]...); len(h.line) > lineLimit {
			h.line, h.skip = h.line[:lineLimit], true
		}
		if chunk = chunk[n:]; whole {
			h.add()
		}
	}
}

// add hands the line over. Comments and empty lines are none.
func (h *outputHost) add() {
	if text := bytes.TrimSpace(h.line); h.skip {
		h.out.Add(nil) // counts as malformed
	} else if len(text) > 0 && text[0] != '#' {
		h.out.Add(h.line)
	}
	if h.line, h.skip = h.line[:0], false; cap(h.line) > 1<<20 {
		h.line = nil // one giant must not stay
	}
}

// flush tries until what was taken is durable, or it is time to stop; then it is false.
func (h *outputHost) flush(write func() error) bool {
	for told := (time.Time{}); ; {
		err := write()
		if err == nil {
			return true
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			h.log.Print('E', err.Error()+"; it is tried again, and stdin waits")
		}
		select {
		case <-time.After(retryEvery):
		case <-h.ended:
			return false // the end tries once more
		case <-h.ask.Stops:
			h.stops = true
			return false
		}
	}
}

// finish makes the rest durable. A last line without an end is none.
func (h *outputHost) finish(chunks <-chan []byte) int {
	done := make(chan error, 1)
	h.wg.Go(func() {
		for range len(chunks) { // and no more: stdin may go on for ever
			h.take(<-chunks)
		}
		if err := h.out.Flush(); err != nil {
			h.log.Print('E', err.Error()+"; what was read since then is not archived")
		}
		done <- h.out.Close()
	})
	select {
	case err := <-done:
		if err != nil {
			h.log.Print('E', err.Error())
			return process.ExitFailure
		}
		return process.ExitStopped
	case <-time.After(outputStopLimit):
		h.log.Print('W', "the archive did not close in time; the next start goes on where it was")
	case <-h.ask.Stops:
		if !h.stops {
			break
		}
	}
	return process.ExitFailure
}
