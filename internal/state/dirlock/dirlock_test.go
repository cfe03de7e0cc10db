package dirlock

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOneOwner: a second one is refused, also by another name of the directory, and once the file of the lock is deleted.
func TestOneOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.Mkdir(dir, 0o700))
	other := dir + "-link"
	require.NoError(t, os.Symlink(dir, other))
	require.False(t, Held(dir))
	l, err := Take(dir)
	require.NoError(t, err)
	refused := func() {
		t.Helper()
		for _, d := range []string{dir, other} {
			_, err := Take(d)
			require.ErrorIs(t, err, ErrHeld)
			require.True(t, Held(d))
		}
	}
	refused()
	require.NoError(t, os.Remove(filepath.Join(dir, Name)))
	refused()
	require.NoError(t, os.Remove(filepath.Join(dir, Name))) // the second one's
	require.NoError(t, l.Release())
	require.False(t, Held(dir))
	l, err = Take(dir)
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(dir, Name))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	require.NoError(t, l.Release())
}
