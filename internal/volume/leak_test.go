package volume

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// fills is how many minutes of that share fill a connection's leaks, 0: never.
func fills(share float64) int {
	l := newLeaks()
	for n := 1; n <= 10_000; n++ {
		if l.add(share) {
			return n
		}
	}
	return 0
}

// docs/volumes.md says how soon what is lost of one connection is told.
func TestLeaksFill(t *testing.T) {
	for share, minutes := range map[float64]int{1: 1, 0.6: 1, 0.5: 2, 0.2: 4, 0.05: 6, 0.01: 32, 0.002: 0, 0.001: 0, 0: 0} {
		require.Equal(t, minutes, fills(share), share)
	}
}

// A reconnect now and then, a quarter of a minute each, is no leak; six in a short time are one.
func TestReconnectsLeak(t *testing.T) {
	now, often := newLeaks(), newLeaks()
	for n := range 3000 {
		share := 0.0
		if n%60 == 0 {
			share = 0.25
		}
		require.False(t, now.add(share), n)
	}
	full := 0
	for n := 1; n <= 12 && full == 0; n++ {
		if often.add(0.25 * float64(n%2)) {
			full = n
		}
	}
	require.Equal(t, 5, full)
}

// What has filled stays full while more is lost than drains, though the level has fallen, and is empty when that ends.
func TestALeakEndsWithItsCause(t *testing.T) {
	l := leak{drain: 0.05, size: 0.5, most: 1}
	require.True(t, l.add(1))
	for range 20 {
		require.True(t, l.add(0.051))
	}
	require.False(t, l.add(0))
	require.False(t, l.add(0.051), "it has to fill anew")
	for range 100 {
		l.add(1)
	}
	require.LessOrEqual(t, l.level, l.size, "an hour of darkness is not paid for in hours")
	for range 11 {
		l.add(0)
	}
	require.Zero(t, l.level)
	for range 100 {
		l.add(0)
	}
	require.Zero(t, l.level, "nor is credit given")
}

// A minute in the dark is told; a reconnect is not, nor three in a row.
func TestDark(t *testing.T) {
	l := newDark()
	require.True(t, l.add(1))
	l = newDark()
	require.True(t, l.add(0.99))
	l = newDark()
	for range 3 {
		require.False(t, l.add(0.25))
	}
	for range 100 {
		require.False(t, l.add(0.01))
	}
}
