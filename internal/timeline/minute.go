package timeline

import (
	"strconv"
	"time"
)

// Settle is how late a Tweet may be: what a connection brought in its last ten seconds, and what was written in the last
// ten, may not have arrived. It is also part of each backfill (interface: ceil((outage + 10 s) / 60 s)).
const Settle = 10 * time.Second

// MinuteMilli is the length of a minute in milliseconds.
const MinuteMilli = 60_000

// Minute is a UTC minute, counted from the Unix epoch: the unit of account of backfill, Replay,
// ledger and volume.
type Minute int64

// MinuteOf is the minute that holds the given Unix millisecond.
func MinuteOf(ms int64) Minute {
	m := ms / MinuteMilli
	if ms%MinuteMilli < 0 {
		m--
	}
	return Minute(m)
}

// CeilMinute is the first minute that starts at or after the given Unix millisecond.
func CeilMinute(ms int64) Minute { return MinuteOf(ms + MinuteMilli - 1) }

// Milli is the minute's start in Unix milliseconds.
func (m Minute) Milli() int64 { return int64(m) * MinuteMilli }

// Nano is the minute's start in Unix nanoseconds.
func (m Minute) Nano() int64 { return m.Milli() * 1e6 }

// Span is the minute as a span of milliseconds.
func (m Minute) Span() Span { return Span{m.Milli(), (m + 1).Milli()} }

// String is the minute's start in UTC, as "2026-01-02T15:04Z".
func (m Minute) String() string {
	return time.UnixMilli(m.Milli()).UTC().Format("2006-01-02T15:04Z")
}

// InWords is a number of minutes as a text says it: "1 minute", "2 minutes".
func InWords[N int | int64](n N) string {
	if n == 1 {
		return "1 minute"
	}
	return strconv.FormatInt(int64(n), 10) + " minutes"
}
