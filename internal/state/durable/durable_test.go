package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	require.ErrorIs(t, File(path), os.ErrNotExist, "it makes none")
	require.NoFileExists(t, path)
	require.NoError(t, os.WriteFile(path, []byte("what is there"), 0o600))
	require.NoError(t, File(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "what is there", string(b), "it stays as it is")
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Dir(dir))
	err := Dir(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "sync directory: ")
	require.True(t, KeepsNames(dir))
	require.True(t, KeepsNames(filepath.Join(dir, "none")), "that cannot be told")
}

// TestAFileSystemThatCannotSyncDirectories: only its own answers for that are taken for done.
func TestAFileSystemThatCannotSyncDirectories(t *testing.T) {
	for _, cannot := range []error{syscall.EINVAL, syscall.ENOTSUP, errors.ErrUnsupported} {
		err := &os.PathError{Op: "sync", Path: "/state", Err: cannot}
		require.True(t, cannotSync(err), err)
		require.NoError(t, syncable(err))
	}
	for _, failed := range []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, os.ErrClosed, os.ErrPermission} {
		err := fmt.Errorf("sync: %w", failed)
		require.False(t, cannotSync(err), err)
		require.ErrorIs(t, syncable(err), failed)
	}
	require.False(t, cannotSync(nil))
	require.NoError(t, syncable(nil))
}

// TestRemove: one that stays is told, and does not keep the others.
func TestRemove(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, Remove())
	require.NoError(t, Remove(in("none"), in("nor this")))
	require.NoError(t, os.MkdirAll(in("full/of/something"), 0o700))
	for _, name := range []string{"first", "last"} {
		require.NoError(t, os.WriteFile(in(name), nil, 0o600))
	}
	err := Remove(in("first"), in("full"), in("none"), in("last"))
	require.ErrorContains(t, err, "delete: ")
	require.ErrorContains(t, err, in("full"))
	require.NotErrorIs(t, err, os.ErrNotExist)
	require.NoFileExists(t, in("first"))
	require.NoFileExists(t, in("last"))
	require.DirExists(t, in("full/of/something"))
}
