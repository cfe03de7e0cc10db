package sqlfile

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// filesOf are the names and contents of a directory's files.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			b, readErr := os.ReadFile(filepath.Join(dir, name))
			found[name], err = string(b), readErr
		}
		return err
	}))
	return found
}

func dirOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := scratch(t)
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

type files = map[string]string

// TestAdopt: a new file is taken where the old one is gone, and never the log of the old one with it.
func TestAdopt(t *testing.T) {
	for name, c := range map[string]struct{ before, after files }{
		"nothing there":       {files{}, files{}},
		"the old one alone":   {files{"a": "old", "a-wal": "log"}, files{"a": "old", "a-wal": "log"}},
		"both":                {files{"a": "old", "a-wal": "log", "a.new": "half", "a.new-journal": "j"}, files{"a": "old", "a-wal": "log"}},
		"the new one alone":   {files{"a.new": "whole"}, files{"a": "whole"}},
		"with what was left":  {files{"a.new": "whole", "a-wal": "log", "a-shm": "index", "b": "another"}, files{"a": "whole", "b": "another"}},
		"a log without files": {files{"a-wal": "log"}, files{"a-wal": "log"}},
	} {
		dir := dirOf(t, c.before)
		for range 2 { // a kill may come at any time: it is done again
			require.NoError(t, Adopt(filepath.Join(dir, "a"), filepath.Join(dir, "a.new")), name)
			require.Equal(t, c.after, filesOf(t, dir), name)
		}
	}
	file := filepath.Join(dirOf(t, files{"file": ""}), "file")
	require.Error(t, Adopt(filepath.Join(file, "a"), filepath.Join(file, "b")), "that cannot be told")
}

// TestSetAside writes over nothing, and leaves no log to be replayed over a new file.
func TestSetAside(t *testing.T) {
	dir := scratch(t)
	path := filepath.Join(dir, "a")
	at := time.Date(2026, 3, 30, 1, 2, 3, 9, time.FixedZone("", 3600))
	for _, content := range []string{"first", "second", "third"} {
		for _, suffix := range []string{"", LogSuffix, IndexSuffix} {
			require.NoError(t, os.WriteFile(path+suffix, []byte(content+suffix), 0o600))
		}
		require.NoError(t, SetAside(path, filepath.Join(dir, "a.damaged-"), at))
	}
	require.Equal(t, files{
		"a.damaged-20260330T000203Z": "first", "a.damaged-20260330T000203Z-wal": "first-wal",
		"a.damaged-20260330T000203Z.1": "second", "a.damaged-20260330T000203Z.1-wal": "second-wal",
		"a.damaged-20260330T000203Z.2": "third", "a.damaged-20260330T000203Z.2-wal": "third-wal",
	}, filesOf(t, dir))
	require.NoError(t, SetAside(path, filepath.Join(dir, "none-"), at), "it is gone already")
	require.Error(t, SetAside(filepath.Join(path, "x"), filepath.Join(dir, "a.damaged-20260330T000203Z", "y"), at))
}

// TestDropAside: the newest stays, the young as far as they take no more than they may, and what may hold what the present
// file lacks.
func TestDropAside(t *testing.T) {
	now := time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	named := func(age time.Duration) string { return "d-" + now.Add(-age).Format(asideTime) }
	begin := files{named(day): "12345", named(2 * day): "1234567890", named(3 * day): "123", named(20 * day): "123456", named(20*day) + LogSuffix: "12",
		"d-": "no time", "d-20260101": "no time", "e-20200101T000000Z": "another's", named(30*day) + ".1": "1"}
	for name, c := range map[string]struct {
		kept Kept
		gone []string
	}{
		"all young ones":             {Kept{Age: 15 * day, Bytes: 1000}, []string{named(20 * day), named(20*day) + LogSuffix, named(30*day) + ".1"}},
		"as old as may be":           {Kept{Age: 20 * day, Bytes: 1000}, []string{named(30*day) + ".1"}},
		"as far as there is room":    {Kept{Age: 15 * day, Bytes: 15}, []string{named(3 * day), named(20 * day), named(20*day) + LogSuffix, named(30*day) + ".1"}},
		"the newest, whatever room":  {Kept{Age: 15 * day, Bytes: 1}, []string{named(2 * day), named(3 * day), named(20 * day), named(20*day) + LogSuffix, named(30*day) + ".1"}},
		"but not if it is old":       {Kept{Age: time.Hour, Bytes: 1000}, []string{named(day), named(2 * day), named(3 * day), named(20 * day), named(20*day) + LogSuffix, named(30*day) + ".1"}},
		"larger than the present":    {Kept{Age: time.Hour, Than: 9}, []string{named(day), named(3 * day), named(20 * day), named(20*day) + LogSuffix, named(30*day) + ".1"}},
		"with its log":               {Kept{Age: time.Hour, Than: 7}, []string{named(day), named(3 * day), named(30*day) + ".1"}},
		"as large is not larger":     {Kept{Age: time.Hour, Than: 8}, []string{named(day), named(3 * day), named(20 * day), named(20*day) + LogSuffix, named(30*day) + ".1"}},
		"larger than nothing at all": {Kept{Age: time.Hour, Than: 1}, []string{named(30*day) + ".1"}},
	} {
		dir := dirOf(t, begin)
		require.NoError(t, DropAside(dir, "d-", c.kept, now), name)
		want := make(files)
		maps.Copy(want, begin)
		for _, f := range c.gone {
			delete(want, f)
		}
		require.Equal(t, want, filesOf(t, dir), name)
	}
	require.Error(t, DropAside(filepath.Join(scratch(t), "none"), "d-", Kept{}, now))
}

// TestOneThatCannotBeDeletedKeepsNoOther.
func TestOneThatCannotBeDeletedKeepsNoOther(t *testing.T) {
	now := time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	dir := dirOf(t, files{"d-20260101T000000Z": "", "d-20260103T000000Z": ""})
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d-20260102T000000Z", "in it"), 0o700))
	err := DropAside(dir, "d-", Kept{}, now)
	require.ErrorContains(t, err, "d-20260102T000000Z")
	require.Equal(t, 1, strings.Count(err.Error(), "d-"))
	require.Empty(t, filesOf(t, dir))
}

func TestSizeAndReadable(t *testing.T) {
	dir := dirOf(t, files{"a": "12345", "a-wal": "678", "a-shm": "none of it", "b-wal": "1", "c-journal": "1"})
	for name, want := range map[string]int64{"a": 8, "b": 1, "c": 0, "d": 0} {
		size, err := Size(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, size, name)
		require.NoError(t, Readable(filepath.Join(dir, name)))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d-wal"), 0o700))
	require.Error(t, Readable(filepath.Join(dir, "d")), "a directory has no bytes")
	_, err := Size(filepath.Join(dir, "a", "x"))
	require.Error(t, err)
	require.NoError(t, Discard(filepath.Join(dir, "c")))
	require.NoFileExists(t, filepath.Join(dir, "c-journal"))
}
