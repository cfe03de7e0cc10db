package decahose

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/plugins/option"
	"github.com/decahose/telegraf-decahose/plugins/option/optiontest"
)

// everything is an input with every table of which options have numbers, and valid.
func everything(t *testing.T) *Decahose {
	d := valid()
	d.Delivery, d.Push.URL = "acknowledged", "http://127.0.0.1:9186/x"
	d.StateDirectory = t.TempDir()
	d.Archives = []*Archive{{URL: t.TempDir()}}
	d.Audits = []*Audit{{Type: "file", Files: []string{filepath.Join(d.StateDirectory, "x")}}}
	d.setDependentDefaults() // of options that are pointers, too
	return d
}

func TestEveryNumberHasLimits(t *testing.T) {
	require.Greater(t, optiontest.Limits(t, func() optiontest.Plugin { return everything(t) }), 25)
}

// The old name of an option has the new one's limits.
func TestDeprecatedNumberHasLimits(t *testing.T) {
	d := valid()
	d.MaxUndeliveredMessages = math.MaxInt
	var e *option.Error
	require.ErrorAs(t, d.Init(), &e)
	require.Equal(t, "max_undelivered", e.Option)
}
