package option

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStateDirectory(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	require.Equal(t, "/var/lib/telegraf-decahose", StateDirectory())
	t.Setenv("STATE_DIRECTORY", "/a:/b")
	require.Equal(t, "/a", StateDirectory())
}
