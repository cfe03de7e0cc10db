package process

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/influxdata/telegraf/logger"

	"github.com/decahose/telegraf-decahose/plugins/guard"
)

const (
	// MaxLine bounds a log line, its newline included: execd gives up reading at 64 KiB.
	MaxLine = 4096
	// logQueue is how many lines wait for a slow reader of stderr before lines are dropped.
	logQueue = 512
	// flushTimeout bounds the wait for that reader at the exit.
	flushTimeout = 200 * time.Millisecond
)

// Log writes log lines to stderr from a goroutine of its own, so that a reader that stopped
// holds nothing up. What does not fit the queue is dropped and counted; the count is told as soon
// as a line goes through again.
type Log struct {
	queue   chan logEntry
	dropped atomic.Int64
	wg      sync.WaitGroup
}

// logEntry is a line, or a request to be told when all lines before it are written.
type logEntry struct {
	line    []byte
	written chan struct{}
}

// NewLog queues lines; Begin has them written.
func NewLog() *Log { return &Log{queue: make(chan logEntry, logQueue)} }

// Begin starts the goroutine that owns w; it lives as long as the process.
func (l *Log) Begin(w io.Writer) { l.wg.Go(func() { l.run(w) }) }

func (l *Log) run(w io.Writer) {
	for e := range l.queue {
		if e.written != nil {
			close(e.written)
			continue
		}
		// There is nowhere left to report an unwritable stderr to.
		_, _ = w.Write(e.line)
		if n := l.dropped.Swap(0); n > 0 {
			_, _ = w.Write(line('W', fmt.Sprintf("%d log lines were dropped because stderr was not read", n)))
		}
	}
}

// Print queues one line. It never blocks. Level is one of E, W, I, D.
func (l *Log) Print(level byte, text string) {
	select {
	case l.queue <- logEntry{line: line(level, text)}:
	default:
		l.dropped.Add(1)
	}
}

// Flush waits until the lines printed so far are written, though not for ever.
func (l *Log) Flush() { l.flushWithin(flushTimeout) }

func (l *Log) flushWithin(timeout time.Duration) {
	t := time.NewTimer(timeout)
	defer t.Stop()
	e := logEntry{written: make(chan struct{})}
	select {
	case l.queue <- e:
	case <-t.C:
		return
	}
	select {
	case <-e.written:
	case <-t.C:
	}
}

// Drain writes what is queued, of a log whose goroutine was not started.
func (l *Log) Drain(w io.Writer) {
	for len(l.queue) > 0 {
		_, _ = w.Write((<-l.queue).line)
	}
}

// logLine is text as one line that execd understands: level first, printable, bounded. No secret of this process is in it,
// whoever wrote the text.
func line(level byte, text string) []byte {
	return append([]byte{level, '!', ' '}, guard.Line(text, MaxLine-len("E! \n"))+"\n"...)
}

// Say writes one line, where nothing else writes to stderr.
func Say(stderr io.Writer, level byte, text string) {
	// There is nowhere left to report an unwritable stderr to.
	_, _ = stderr.Write(line(level, text))
}

// TakeTelegrafs sends the lines of Telegraf's own code and of the standard logger here. Without a
// sink Telegraf keeps every line in memory for ever.
func (l *Log) TakeTelegrafs() { logger.RedirectLogging(telegrafLines{l}) }

// telegrafLines takes lines such as
//
//	2026-01-02T15:04:05Z I! [inputs.x] (category=inputs,plugin=x) text
//
// and cuts the time and the attributes, which execd's log repeats or does not want.
type telegrafLines struct{ log *Log }

func (t telegrafLines) Write(b []byte) (int, error) {
	line := string(bytes.TrimSpace(b))
	_, rest, _ := strings.Cut(line, " ")
	if len(rest) < 3 || rest[1] != '!' || !strings.ContainsRune("EWI", rune(rest[0])) {
		return len(b), nil // debug and trace: nobody can ask for those of Telegraf's own code
	}
	if strings.Contains(rest, "invalid log-level") {
		return len(b), nil // settings names the file and the line
	}
	t.log.Print(rest[0], cutSecret(cutAttributes(rest[3:])))
	return len(b), nil
}

func cutAttributes(text string) string {
	before, rest, ok := strings.Cut(text, "(category=")
	if !ok {
		return text
	}
	_, after, _ := strings.Cut(rest, ") ")
	return before + after
}

// cutSecret takes the value out of the one line in which Telegraf shows a secret: the warning
// about a password that looks like a reference to a secret store.
func cutSecret(text string) string {
	if strings.HasPrefix(text, `Secret "@{`) {
		return "A secret holds what looks like a reference to a secret store, with characters that are not allowed in one"
	}
	return text
}
