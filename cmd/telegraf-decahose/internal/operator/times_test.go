package operator

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var someNow = time.Date(2026, 1, 2, 15, 4, 5, 6, time.UTC)

func TestParseTime(t *testing.T) {
	at := func(hour, minute, second int) time.Time {
		return time.Date(2026, 1, 2, hour, minute, second, 0, time.UTC)
	}
	for text, want := range map[string]time.Time{
		"now":                       someNow,
		"-2h":                       someNow.Add(-2 * time.Hour),
		"-90m":                      someNow.Add(-90 * time.Minute),
		"-1h30m":                    someNow.Add(-90 * time.Minute),
		"-2d":                       someNow.Add(-48 * time.Hour),
		"-1d12h":                    someNow.Add(-36 * time.Hour),
		"2026-01-02T14:31:59Z":      at(14, 31, 59),
		"2026-01-02T14:31:59.5Z":    at(14, 31, 59).Add(time.Second / 2),
		"2026-01-02T14:31:00+02:00": at(12, 31, 0),
		"2026-01-02T14:31+02:00":    at(12, 31, 0),
		"2026-01-02T14:31:07":       at(14, 31, 7),
		"2026-01-02T14:31":          at(14, 31, 0),
		"2026-01-02T14:31Z":         at(14, 31, 0),
		"2026-01-02 14:31":          at(14, 31, 0),
		"202601021431":              at(14, 31, 0),
		"14:31":                     at(14, 31, 0),
		"15:04":                     at(15, 4, 0),
		"15:05":                     at(15, 5, 0).Add(-24 * time.Hour),
	} {
		got, err := parseTime(text, someNow)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "yesterday", "2h", "+2h", "-", "--2h", "-+2h", "-2", "-d", "-99999d", "-1dx", "-1d-2h", "-9999d2562047h", "4:31", "24:00", "2026-01-02",
		"2026-13-02T14:31", "2026-02-30T14:31", "20260102143", "2026010214310", "2026-01-02T25:00Z", " now", "1767363060",
	} {
		_, err := parseTime(text, someNow)
		require.ErrorContains(t, err, allowedTime, text)
	}
}

func TestMinutesBetween(t *testing.T) {
	first, end, err := minutesBetween("2026-01-02T14:31:59Z", "2026-01-02T14:33:01Z", someNow)
	require.NoError(t, err)
	require.Equal(t, "2026-01-02T14:31Z", first.String())
	require.Equal(t, "2026-01-02T14:34Z", end.String(), "a part of a minute is a minute")
	for _, test := range []struct{ from, to, first, end string }{
		{"14:10", "14:30", "2026-01-02T14:10Z", "2026-01-02T14:30Z"},
		{"14:10", "15:30", "2026-01-02T14:10Z", "2026-01-02T15:30Z"},
		{"23:50", "00:20", "2026-01-01T23:50Z", "2026-01-02T00:20Z"},
		{"-1h", "14:30", "2026-01-02T14:04Z", "2026-01-02T14:30Z"},
	} {
		first, end, err := minutesBetween(test.from, test.to, someNow)
		require.NoError(t, err, test.from)
		require.Equal(t, [2]string{test.first, test.end}, [2]string{first.String(), end.String()})
	}
	for _, test := range []struct{ from, to, want string }{
		{"x", "now", `-from: time "x" must be `},
		{"-1h", "x", `-to: time "x" must be `},
		{"now", "-1h", "-from is 2026-01-02T15:04Z, must be before -to"},
		{"202601021431", "202601021431", "must be before -to"},
		{"-32d", "now", "must be 31 days at most"},
	} {
		_, _, err := minutesBetween(test.from, test.to, someNow)
		require.ErrorContains(t, err, test.want)
	}
}

// FuzzParseTime wants that what is understood means the same in each way to write it.
func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"now", "-2h", "-1d2h", "2026-01-02T14:31Z", "2026-01-02 14:31", "202601021431", "2026-01-02T14:31:59.5+01:00", "-0.5h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTime(text, someNow)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Equal(t, time.UTC, got.Location())
		if text[0] == '-' {
			require.False(t, got.After(someNow))
		}
		if got.Year() < 0 || got.Year() > 9999 {
			return // a zone can carry the first and last days out of what four digits hold
		}
		minute := got.Truncate(time.Minute)
		for _, layout := range layouts {
			again, err := parseTime(minute.Format(layout), someNow)
			require.NoError(t, err)
			require.Equal(t, minute, again)
		}
	})
}
