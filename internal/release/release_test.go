package release

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionOfTheBuild(t *testing.T) {
	telegraf := debug.Module{Path: "github.com/influxdata/telegraf", Version: "v1.39.3"}
	ours := debug.Module{Path: module, Version: "v1.2.3"}
	require.Equal(t, "v1.2.3", recorded(&debug.BuildInfo{Main: ours, Deps: []*debug.Module{&telegraf}}))
	require.Equal(t, "v1.2.3", recorded(&debug.BuildInfo{Main: telegraf, Deps: []*debug.Module{&ours}}))
	require.Equal(t, "unknown", recorded(&debug.BuildInfo{Main: telegraf}))
	require.NotEmpty(t, Version())
}

func TestLinkedVersionWins(t *testing.T) {
	linked = "v9"
	defer func() { linked = "" }()
	require.Equal(t, "v9", Version())
}
