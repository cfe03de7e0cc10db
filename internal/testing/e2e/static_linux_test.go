package e2e

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStaticBinary: what `make build` makes needs no library, and runs where there is nothing else.
func TestStaticBinary(t *testing.T) {
	root := t.TempDir()
	recipe, err := exec.Command("make", "-n", "-C", "../../..", "build").Output()
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(recipe)) {
		if strings.Contains(line, "go build") {
			lines = append(lines, strings.Replace(line, "-o bin/", "-o "+root+"/", 1))
		}
	}
	require.Len(t, lines, 1)
	build := exec.Command("sh", "-c", lines[0])
	build.Dir = filepath.Join("..", "..", "..")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	for _, name := range []string{"telegraf-decahose", "decahose-sim"} {
		f, err := elf.Open(filepath.Join(root, name))
		require.NoError(t, err)
		libraries, err := f.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries, name)
		require.NoError(t, f.Close())
	}
	if os.Geteuid() != 0 {
		t.Skip("to change the root needs root")
	}
	alone := exec.Command("/telegraf-decahose", "-version")
	alone.Dir = "/"
	alone.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	out, err = alone.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "telegraf-decahose ")
}
