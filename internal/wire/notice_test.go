package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestActivityCount(t *testing.T) {
	for in, want := range map[string]int64{
		`8874`: 8874, `"8874"`: 8874, `-1`: -1, `0`: 0, `""`: 0, `null`: 0, `8.5`: 0, `{}`: 0, `9223372036854775808`: 0,
	} {
		n, ok := ParseNotice([]byte(`{"info":{"message":"m","activity_count":` + in + `}}`))
		require.True(t, ok, in)
		require.Equal(t, want, n.ActivityCount, in)
	}
}
