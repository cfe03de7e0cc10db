package spool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// Another process sees what waits, and what is in quarantine, while the owner goes on.
func TestLook(t *testing.T) {
	dir := scratch(t)
	waiting, err := Look(dir)
	require.NoError(t, err)
	require.Empty(t, waiting, "there is no spool")
	s, _ := requireSound(t, dir)
	m := newMaker(1)
	first, second := m.entry(5, 100), m.entry(7, 100)
	for _, e := range []*Entry{first, second} {
		_, err := s.Append(e)
		require.NoError(t, err)
	}
	given := ledger.Sent{ID: 751, Partition: 2}
	require.NoError(t, s.Refuse(given, []byte("line"), "why"))
	waiting, err = Look(dir)
	require.NoError(t, err)
	require.ElementsMatch(t, append(append(sentIn(first), sentIn(second)...), given), waiting)
	require.NoError(t, s.Remove(1))
	waiting, err = Look(dir)
	require.NoError(t, err)
	require.ElementsMatch(t, append(sentIn(second), given), waiting)
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, Name), []byte("no database at all, and long enough to be looked at"), 0o600))
	_, err = Look(dir)
	require.Error(t, err)
}
