//go:build unix

package env

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// logMost bounds the lines kept; the oldest go first. A watcher of `make run` may stay for days.
const logMost = 20000

// Log collects what a process writes to stderr, line by line, and copies it on. Safe for concurrent use.
type Log struct {
	copy io.Writer // nil: nowhere; written by the one goroutine that calls Write
	flat bool      // a Telegraf writes it that logs each line of its child as an error: levels are restored

	mu      sync.Mutex
	lines   []string
	partial []byte
}

// Write takes bytes as they come. It never fails.
func (l *Log) Write(p []byte) (int, error) {
	if l.copy != nil {
		_, _ = l.copy.Write(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			break
		}
		l.lines = append(l.lines, l.line(string(line)))
		l.partial = append(l.partial[:0], rest...)
	}
	if extra := len(l.lines) - logMost; extra > 0 {
		l.lines = slices.Delete(l.lines, 0, extra)
	}
	return len(p), nil
}

func (l *Log) line(text string) string {
	if l.flat {
		return restoreLevel(text)
	}
	return text
}

// Lines are the whole lines so far.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// Text is all lines as one text, for a failed test to show.
func (l *Log) Text() string { return strings.Join(l.Lines(), "\n") }

// Count is how many lines hold all the given parts.
func (l *Log) Count(parts ...string) int {
	n := 0
	for _, line := range l.Lines() {
		if holdsAll(line, parts) {
			n++
		}
	}
	return n
}

// Wait returns when a line holds all the given parts, or with an error when ctx is done.
func (l *Log) Wait(ctx context.Context, parts ...string) error {
	if Until(ctx, func() bool { return l.Count(parts...) > 0 }) {
		return nil
	}
	return fmt.Errorf("wait for a log line with %q: %w", parts, context.Cause(ctx))
}

func holdsAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

// Until polls until the condition holds, or ctx is done: then it returns false.
func Until(ctx context.Context, holds func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
