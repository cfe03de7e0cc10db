package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The texts are values of the metric's field delivery_state.
func TestStates(t *testing.T) {
	names := map[State]string{Idle: "idle", Delivering: "delivering", Spooling: "spooling", Retrying: "retrying", Paused: "paused", Full: "full"}
	require.Len(t, names, len(stateNames))
	for s, name := range names {
		require.Equal(t, name, s.String())
		require.Equal(t, s != Idle && s != Delivering, s.Behind(), name)
	}
}
