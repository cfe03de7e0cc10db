package process

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRootTakesTheOwnersIdentity: what is made under it is the owner's, and the caller comes back.
func TestRootTakesTheOwnersIdentity(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	const nobody = 65534
	base := t.TempDir()
	for up := base; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		require.NoError(t, os.Chmod(up, 0o755))
	}
	dir := filepath.Join(base, "state")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.Chown(dir, nobody, nobody))
	owner := func(path string) uint32 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Sys().(*syscall.Stat_t).Uid
	}
	t.Cleanup(func() { require.NoError(t, caller.take()) })
	require.NoError(t, Become(filepath.Join(dir, "not", "there", "yet")))
	f, err := os.CreateTemp(dir, "made")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.EqualValues(t, nobody, owner(f.Name()))
	require.Error(t, os.WriteFile(filepath.Join(base, "beside"), nil, 0o600))
	require.NoError(t, AsCaller(func() error { return os.WriteFile(filepath.Join(base, "beside"), nil, 0o600) }))
	require.EqualValues(t, 0, owner(filepath.Join(base, "beside")))
	require.EqualValues(t, nobody, os.Geteuid())
	require.NoError(t, Become(base))
	require.Zero(t, os.Geteuid())
	require.Zero(t, os.Getegid())
}
