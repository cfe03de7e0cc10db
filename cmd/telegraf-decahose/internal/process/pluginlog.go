package process

import (
	"fmt"

	"github.com/influxdata/telegraf"
)

// pluginLog is the logger of one plugin instance.
type pluginLog struct {
	out    *Log
	level  telegraf.LogLevel
	prefix string // "[inputs.decahose] "
}

// NewPluginLog prints the lines of one plugin that are as important as level, or more.
func NewPluginLog(out *Log, level telegraf.LogLevel, name string) *pluginLog {
	return &pluginLog{out: out, level: level, prefix: "[" + name + "] "}
}

// Level is the least important level that is printed.
func (l *pluginLog) Level() telegraf.LogLevel { return l.level }

// AddAttribute does nothing: attributes belong to structured logs.
func (*pluginLog) AddAttribute(string, any) {}

func (l *pluginLog) print(level telegraf.LogLevel, text string) {
	if l.level.Includes(level) {
		l.out.Print(indicator(level), l.prefix+text)
	}
}

// indicator maps trace to debug, the least that the contract of stderr knows.
func indicator(level telegraf.LogLevel) byte {
	if level == telegraf.Trace {
		return 'D'
	}
	return level.Indicator()[0]
}

// Errorf and the rest format one line each.
func (l *pluginLog) Errorf(f string, a ...any) { l.print(telegraf.Error, fmt.Sprintf(f, a...)) }

// Error logs an error.
func (l *pluginLog) Error(a ...any) { l.print(telegraf.Error, fmt.Sprint(a...)) }

// Warnf logs a warning.
func (l *pluginLog) Warnf(f string, a ...any) { l.print(telegraf.Warn, fmt.Sprintf(f, a...)) }

// Warn logs a warning.
func (l *pluginLog) Warn(a ...any) { l.print(telegraf.Warn, fmt.Sprint(a...)) }

// Infof logs what an operator wants to know.
func (l *pluginLog) Infof(f string, a ...any) { l.print(telegraf.Info, fmt.Sprintf(f, a...)) }

// Info logs what an operator wants to know.
func (l *pluginLog) Info(a ...any) { l.print(telegraf.Info, fmt.Sprint(a...)) }

// Debugf logs what a developer wants to know.
func (l *pluginLog) Debugf(f string, a ...any) { l.print(telegraf.Debug, fmt.Sprintf(f, a...)) }

// Debug logs what a developer wants to know.
func (l *pluginLog) Debug(a ...any) { l.print(telegraf.Debug, fmt.Sprint(a...)) }

// Tracef logs details of debugging.
func (l *pluginLog) Tracef(f string, a ...any) { l.print(telegraf.Trace, fmt.Sprintf(f, a...)) }

// Trace logs details of debugging.
func (l *pluginLog) Trace(a ...any) { l.print(telegraf.Trace, fmt.Sprint(a...)) }
