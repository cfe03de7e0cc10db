package guard

import (
	"fmt"
	"sync/atomic"

	"github.com/influxdata/telegraf"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

const (
	// LineMost bounds what is said at once, in bytes: a log line with its time and prefix stays below 4 KiB.
	LineMost = 3900
	// CellMost bounds what stands in a cell of a table, in bytes.
	CellMost = 500
)

// known are the secrets of the process, not of a plugin: one input may have to say what was told to another.
var known atomic.Pointer[redact.Secrets]

// Remember adds values that must not be shown from now on. Values that are known already cost a look.
func Remember(values ...string) {
	for _, v := range values {
		remember(func(s *redact.Secrets) bool { return s.Knows(v) }, func(s *redact.Secrets) *redact.Secrets { return s.With(v) })
	}
}

// RememberBasic adds a password, and what HTTP Basic makes of it and its user.
func RememberBasic(user, password string) {
	remember(func(s *redact.Secrets) bool { return s.KnowsBasic(user, password) },
		func(s *redact.Secrets) *redact.Secrets { return s.WithBasic(user, password) })
}

// Scan remembers what may be secret in a configuration, or in one value of it, whether or not it can be parsed.
func Scan(configuration string) { Remember(redact.Find(configuration)...) }

// ScanValue is Scan of the value of one option.
func ScanValue(values ...string) {
	for _, v := range values {
		Scan("value = " + v)
	}
}

func remember(knows func(*redact.Secrets) bool, with func(*redact.Secrets) *redact.Secrets) {
	for {
		old := known.Load()
		if knows(old) || known.CompareAndSwap(old, with(old)) {
			return
		}
	}
}

// Line is text as one printable line without secrets, of most bytes at most.
func Line(text string, most int) string { return known.Load().Line(text, most) }

// Error is err with a text that may be shown. What it wraps stays. Nil stays nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	if text := Line(err.Error(), LineMost); text != err.Error() {
		return guarded{err, text}
	}
	return err
}

type guarded struct {
	error
	text string
}

func (g guarded) Error() string { return g.text }
func (g guarded) Unwrap() error { return g.error }

// Logger is l, whose lines go through Line first.
func Logger(l telegraf.Logger) telegraf.Logger {
	if _, ok := l.(logger); ok || l == nil {
		return l
	}
	return logger{l}
}

type logger struct{ telegraf.Logger }

// line is what the logger is asked to format.
type line struct {
	format string
	args   []any
}

// String is called where the level is shown.
func (l line) String() string {
	if l.format == "" {
		return Line(fmt.Sprint(l.args...), LineMost)
	}
	return Line(fmt.Sprintf(l.format, l.args...), LineMost)
}

// Errorf and the rest say one line each.
func (l logger) Errorf(format string, args ...any) { l.Logger.Error(line{format, args}) }

// Error says one line.
func (l logger) Error(args ...any) { l.Logger.Error(line{"", args}) }

// Warnf says one line.
func (l logger) Warnf(format string, args ...any) { l.Logger.Warn(line{format, args}) }

// Warn says one line.
func (l logger) Warn(args ...any) { l.Logger.Warn(line{"", args}) }

// Infof says one line.
func (l logger) Infof(format string, args ...any) { l.Logger.Info(line{format, args}) }

// Info says one line.
func (l logger) Info(args ...any) { l.Logger.Info(line{"", args}) }

// Debugf says one line.
func (l logger) Debugf(format string, args ...any) { l.Logger.Debug(line{format, args}) }

// Debug says one line.
func (l logger) Debug(args ...any) { l.Logger.Debug(line{"", args}) }

// Tracef says one line.
func (l logger) Tracef(format string, args ...any) { l.Logger.Trace(line{format, args}) }

// Trace says one line.
func (l logger) Trace(args ...any) { l.Logger.Trace(line{"", args}) }
