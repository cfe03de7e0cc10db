package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// Each flag that is a number or a time refuses what is far too much, what is less than nothing and what is no number, in
// one line. New flags cannot be forgotten.
func TestEveryFlagHasLimits(t *testing.T) {
	tried := 0
	over, done := context.WithCancel(t.Context()) // what accepts a value ends at once
	done()
	for _, f := range flags() {
		var bad []string
		switch f.(type) {
		case *cli.IntFlag:
			bad = []string{"9223372036854775807", "-2"}
		case *cli.Float64Flag:
			bad = []string{"1e300", "-2", "NaN", "Inf"}
		case *cli.DurationFlag:
			bad = []string{"2562047h47m16s", "-1ns"}
		}
		for _, value := range bad {
			_, err := runAppIn(over, "--listen", "127.0.0.1:0", "--"+f.Names()[0], value)
			var usage usageError
			require.ErrorAs(t, err, &usage, "--%s %s", f.Names()[0], value)
			require.Regexp(t, "^--"+f.Names()[0]+" .*: must be from [^ ]+ to [^ ]+$", err.Error())
			tried++
		}
	}
	require.Greater(t, tried, 50)
}
