package archive

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// asOther runs do with another user's rights on files.
func asOther(t *testing.T, do func()) {
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		require.NoError(t, syscall.Setfsuid(65534))
		defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	}
	do()
}

// TestOneThatCannotBeRead: a segment, or a directory, that is another user's keeps nothing else from being read.
func TestOneThatCannotBeRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "archive")
	w := newWriter(t, dir)
	for i := range timeline.Minute(3) {
		write(t, w, noon+i, 0, 3)
	}
	write(t, w, noon+60, 0, 3)
	finish(t, w)
	all := segments(t, dir)
	for p := dir; p != "/"; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && info.Mode().Perm() == dirMode {
			require.NoError(t, os.Chmod(p, 0o755))
		}
	}
	for _, p := range all {
		for up := filepath.Dir(p); up != dir; up = filepath.Dir(up) {
			require.NoError(t, os.Chmod(up, 0o755))
		}
		require.NoError(t, os.Chmod(p, 0o644))
	}
	require.NoError(t, os.Chmod(all[1], 0))
	require.NoError(t, os.Chmod(filepath.Dir(all[3]), 0))
	a := open(t, dir)
	asOther(t, func() {
		list, err := a.Minutes(context.Background(), "prod", noon, noon+61)
		require.ErrorIs(t, err, ErrDamaged)
		require.Len(t, list, 3)
		for _, i := range []timeline.Minute{0, 2} {
			got, err := held(t, a, noon+i)
			require.NoError(t, err)
			require.Len(t, got, 3)
		}
		for _, i := range []timeline.Minute{1, 60} {
			_, err = held(t, a, noon+i)
			require.ErrorIs(t, err, ErrDamaged)
			require.ErrorIs(t, err, os.ErrPermission)
		}
	})
	require.NoError(t, os.Chmod(filepath.Dir(all[3]), 0o755))
}
