//go:build linux

package host

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The nearest Telegraf above decides, whatever stands between.
func TestTrialOf(t *testing.T) {
	for name, test := range map[string]struct {
		lines []string // our parent's, its parent's, …
		want  string
	}{
		"plain":            {[]string{"/usr/bin/telegraf --config x"}, ""},
		"test":             {[]string{"/usr/bin/telegraf --config x --test"}, "--test"},
		"wait":             {[]string{"telegraf-1.39.3 --test-wait 10"}, "--test-wait"},
		"a shell between":  {[]string{"sh -c x", "sudo x", "telegraf -once"}, "-once"},
		"the nearest":      {[]string{"telegraf --config x", "telegraf-trials --test"}, ""},
		"another program":  {[]string{"supervisor --once", "init"}, ""},
		"too far":          {[]string{"a", "b", "c", "d", "telegraf --test"}, ""},
		"without a parent": {nil, ""},
	} {
		look := func(pid int) (ancestor, bool) {
			if pid >= len(test.lines) {
				return ancestor{}, false
			}
			return ancestor{parent: pid + 1, args: strings.Fields(test.lines[pid])}, true
		}
		require.Equal(t, test.want, trialOf(0, look), name)
	}
}

func TestLookAt(t *testing.T) {
	p, ok := lookAt(os.Getpid())
	require.True(t, ok)
	require.Equal(t, os.Getppid(), p.parent)
	require.Equal(t, os.Args, p.args)
	_, ok = lookAt(-1)
	require.False(t, ok)
}
