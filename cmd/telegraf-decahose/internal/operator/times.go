package operator

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// allowedTime is what stands behind an error about a time.
const allowedTime = `2006-01-02T15:04Z, "2006-01-02 15:04", 200601021504, RFC 3339, 18:20 (the last one), now, or back from now: -90m, -2h, -1d (all UTC)`

// layouts of a time on the command line; RFC 3339 is the only one with another zone than UTC.
var layouts = []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "200601021504"}

// parseTime reads a time as people write it; relative ones count from now.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if strings.HasPrefix(text, "-") {
		if back, err := parseBack(text[1:]); err == nil {
			return now.Add(-back), nil
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if t, ok := atClock(text, now.Add(-day)); ok {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("time %q must be %s", text, allowedTime)
}

const day = 24 * time.Hour

// atClock is the first time after a time that a clock of UTC shows hours and minutes such as 18:20.
func atClock(text string, after time.Time) (t time.Time, ok bool) {
	clock, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return t, false
	}
	t = time.Date(after.Year(), after.Month(), after.Day(), clock.Hour(), clock.Minute(), 0, 0, time.UTC)
	if !t.After(after) {
		t = t.Add(day)
	}
	return t, true
}

var days = regexp.MustCompile(`^(\d{1,4})d`)

// parseBack reads a duration, which may begin with days.
func parseBack(text string) (time.Duration, error) {
	var back time.Duration
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		back = time.Duration(n) * day
		if text = text[len(m[0]):]; text == "" {
			return back, nil
		}
	}
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, fmt.Errorf("%q is no time span", text)
	}
	rest, err := time.ParseDuration(text)
	if err == nil && back+rest < 0 {
		return 0, fmt.Errorf("%q is too long", text)
	}
	return back + rest, err
}

// longestRange bounds what one command looks at, in minutes.
const longestRange = 31 * 24 * 60

// minutesBetween are the minutes [from, to) of two times as written. Parts of minutes count as whole ones; hours and minutes
// alone are, as an end, the next ones after from.
func minutesBetween(from, to string, now time.Time) (first, end timeline.Minute, err error) {
	f, err := parseTime(from, now)
	if err != nil {
		return 0, 0, fmt.Errorf("-from: %w", err)
	}
	t, err := parseTime(to, now)
	if clock, ok := atClock(to, f); ok {
		t = clock
	}
	if err != nil {
		return 0, 0, fmt.Errorf("-to: %w", err)
	}
	first, end = timeline.MinuteOf(f.UnixMilli()), timeline.CeilMinute(t.UnixMilli())
	switch {
	case first >= end:
		return 0, 0, fmt.Errorf("-from is %v, must be before -to, which is %v and is itself left out", first, end)
	case end-first > longestRange:
		return 0, 0, fmt.Errorf("from %v to %v is too long, must be 31 days at most", first, end)
	}
	return first, end, nil
}
