package spool

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/smalldisk"
)

// TestAScarcityIsNotDamage: with too few descriptors the spool does not open, or is whole; nothing is set aside.
func TestAScarcityIsNotDamage(t *testing.T) {
	dir, _, whole := aged(t, false)
	failed := 0
	for left := range 12 {
		var s *Spool
		var c *Contents
		var err error
		smalldisk.Descriptors(t, left, func() { s, c, err = Open(dir, 1<<30) })
		if err != nil {
			failed++
		} else {
			require.Empty(t, c.Notes)
			require.Len(t, c.Entries, len(whole))
			require.NoError(t, s.Close())
		}
		for name := range readFiles(t, dir) {
			require.False(t, strings.HasPrefix(filepath.Base(name), damagedName), "%d descriptors", left)
		}
	}
	require.Greater(t, failed, 3)
	_, err := os.Stat(filepath.Join(dir, dbName))
	require.NoError(t, err)
	s, c := requireSound(t, dir)
	require.Len(t, c.Entries, len(whole))
	require.NoError(t, s.Close())
}
