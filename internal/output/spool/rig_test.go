package spool

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

const plenty = 1 << 30

// scratch is a directory that is gone after the test: in memory where there is one, for tests that sync a lot.
func scratch(t testing.TB) string {
	t.Helper()
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = t.TempDir()
	}
	dir, err := os.MkdirTemp(base, "spool")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func mustOpen(t testing.TB, dir string) (*Spool, *Contents) {
	t.Helper()
	s, c, err := Open(dir, plenty)
	require.NoError(t, err)
	return s, c
}

// requireSound opens a spool of which nothing is wrong.
func requireSound(t testing.TB, dir string) (*Spool, *Contents) {
	t.Helper()
	s, c := mustOpen(t, dir)
	require.Empty(t, c.Notes)
	require.Empty(t, c.Lost)
	return s, c
}

// maker makes entries, and remembers the line of each Tweet.
type maker struct {
	rng   *rand.Rand
	last  snowflake.ID
	lines map[ledger.Sent]string
}

func newMaker(seed uint64) *maker {
	return &maker{rand.New(rand.NewPCG(seed, 2)), snowflake.First(1_700_000_000_000), make(map[ledger.Sent]string)}
}

// entry is one of n Tweets with lines of about size bytes, some of which hold newlines.
func (m *maker) entry(n, size int) *Entry {
	e := &Entry{At: time.Unix(1_700_000_000, m.rng.Int64N(1e9))}
	for range n {
		m.last += snowflake.ID(m.rng.Int64N(1 << 34))
		t := ledger.Sent{ID: m.last, Partition: int32(m.rng.IntN(3))}
		line := fmt.Appendf(nil, "decahose id=%di,text=\"a\nb\" ", t.ID)
		for len(line) < size {
			line = append(line, byte('a'+m.rng.IntN(26)))
		}
		m.lines[t] = string(line) + "\n"
		e.Lines = append(e.Lines, m.lines[t]...)
		e.Tweets = append(e.Tweets, Tweet{t, len(e.Lines)})
	}
	return e
}

// requireWhole compares each Tweet of an entry with what was given away once, and returns their identities.
func (m *maker) requireWhole(t testing.TB, e *Entry, what string) (sent []ledger.Sent) {
	t.Helper()
	begin := 0
	for _, tw := range e.Tweets {
		require.Equal(t, m.lines[tw.Sent], string(e.Lines[begin:tw.End]), what)
		begin = tw.End
		sent = append(sent, tw.Sent)
	}
	require.Len(t, e.Lines, begin, what)
	return sent
}

func sentIn(e *Entry) (sent []ledger.Sent) {
	for _, t := range e.Tweets {
		sent = append(sent, t.Sent)
	}
	return sent
}

// requireEqual compares entries; times as moments.
func requireEqual(t testing.TB, want, got *Entry) {
	t.Helper()
	require.True(t, want.At.Equal(got.At))
	require.Equal(t, want.Tweets, got.Tweets)
	require.Equal(t, string(want.Lines), string(got.Lines))
}

func copied(t testing.TB, from string) string {
	t.Helper()
	to := scratch(t)
	found, err := os.ReadDir(from)
	require.NoError(t, err)
	for _, e := range found {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, e.Name()), b, fileMode))
	}
	return to
}

func readFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range found {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(b)
	}
	return files
}

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}
