package decahose

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSteadyClock(t *testing.T) {
	if _, ok := uptime(); !ok {
		t.Skip("no clock that runs while the host is suspended")
	}
	now := steady()
	a, wall := now(), time.Now()
	require.InDelta(t, 0, wall.Sub(a).Seconds(), 1, "begins with the host's clock")
	require.False(t, now().Before(a))
	require.Equal(t, a, a.Round(0), "no monotonic reading: it would stand still while the host is suspended")
	m := moment()
	require.NotEmpty(t, m.Boot)
	require.Positive(t, m.Uptime)
}
