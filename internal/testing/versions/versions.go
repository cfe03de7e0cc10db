package versions

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var write = flag.Bool("write-version", false, "write files of this version, and what is read of them, into testdata")

// The directories of a zip: of a process that ended in order, and of one that was killed.
const (
	Closed = "closed"
	Killed = "killed"
)

// Files are those of a package.
type Files struct {
	Version int                                               // of the schema, today's
	Write   func(t *testing.T, dir string)                    // makes Closed and Killed in dir
	Read    func(t *testing.T, b io.Writer, name, dir string) // prints all that is read of one of them
}

// Test reads what programs of each version left. Today's version must be among them: see -write-version.
func (f Files) Test(t *testing.T) {
	if *write {
		f.write(t)
	}
	found, err := filepath.Glob("testdata/version*.zip")
	require.NoError(t, err)
	require.Contains(t, found, f.path(), "see -write-version")
	for _, path := range found {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want, err := os.ReadFile(textOf(path))
			require.NoError(t, err)
			require.Equal(t, string(want), f.read(t, path))
		})
	}
}

func (f Files) path() string { return fmt.Sprintf("testdata/version%d.zip", f.Version) }

func textOf(path string) string { return strings.TrimSuffix(path, ".zip") + ".txt" }

// write never writes over files of an earlier program: they would be no proof any more.
func (f Files) write(t *testing.T) {
	dir := t.TempDir()
	f.Write(t, dir)
	file, err := os.OpenFile(f.path(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	require.NoError(t, err)
	z := zip.NewWriter(file)
	require.NoError(t, z.AddFS(os.DirFS(dir)))
	require.NoError(t, z.Close())
	require.NoError(t, file.Close())
	require.NoError(t, os.WriteFile(textOf(f.path()), []byte(f.read(t, f.path())), 0o644))
}

func (f Files) read(t *testing.T, path string) string {
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, z))
	var b bytes.Buffer
	for _, name := range []string{Closed, Killed} {
		f.Read(t, &b, name, filepath.Join(dir, name))
	}
	return b.String()
}
