package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
)

// amounts are the least and the most of flags that are numbers; both are allowed.
var amounts = map[string][2]float64{
	"rate": {0, 10_000_000}, "daily": {0, 1}, "weekly": {0, 1}, "deleted": {0, 1},
	"allowed-connections": {1, 10_000}, "queue": {1, 100_000_000}, "connect-limit": {-1, 1_000_000},
	"replay-speed": {0, 1_000_000}, "replay-limit": {-1, 1_000_000}, "replay-jobs": {-1, 1_000_000}, "replay-status": {0, 599},
	"recovery-rate": {0, 10_000_000}, "recovery-jobs": {-1, 1_000_000}, "recovery-status": {0, 599},
}

// spans are the longest of flags that are times; the shortest is 0s.
var spans = map[string]time.Duration{
	"excess-grace": day, "heartbeat": day, "disorder": time.Hour, "status": day, "duration": year,
	"replay-delay": year, "replay-horizon": year, "recovery-horizon": year,
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// withinLimits wants each flag that is a number or a time to be within its limits.
func withinLimits(c *cli.Context) error {
	for _, f := range flags() {
		name := f.Names()[0]
		switch f.(type) {
		case *cli.IntFlag:
			if v := float64(c.Int(name)); !within(v, amounts[name]) {
				return beyond(name, c.Int(name), plain(amounts[name][0]), plain(amounts[name][1]))
			}
		case *cli.Float64Flag:
			if v := c.Float64(name); !within(v, amounts[name]) {
				return beyond(name, v, plain(amounts[name][0]), plain(amounts[name][1]))
			}
		case *cli.DurationFlag:
			if v := c.Duration(name); v < 0 || v > spans[name] {
				return beyond(name, v, "0s", fmt.Sprintf("%.0fh", spans[name].Hours()))
			}
		}
	}
	return nil
}

// within is false of what is no number, too.
func within(v float64, limits [2]float64) bool { return v >= limits[0] && v <= limits[1] }

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func beyond(name string, value any, least, most string) error {
	return usageError{fmt.Errorf("--%s %v: must be from %s to %s", name, value, least, most)}
}
