package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// files are a module with one test, and mutants of it.
var files = map[string]string{
	".gitignore":  "broken.go\n",
	"go.mod":      "module m\n\ngo 1.26\n",
	"a/a.go":      "package a\n\nfunc Add(x, y int) int {\n\treturn x + y\n}\n",
	"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tt.Run(\"two\", func(t *testing.T) {\n\t\tif Add(1, 2) != 3 {\n\t\t\tt.Fail()\n\t\t}\n\t})\n}\n",
	"a/broken.go": "this is ignored\n",

	"p/a-kill.patch":      edit("TestAdd", "x + y", "x - y"),
	"p/b-survive.patch":   edit("TestAdd", "x + y", "y + x"),
	"p/c-uncompile.patch": edit("TestAdd", "x + y", "x +"),
	"p/d-unapply.patch":   edit("TestAdd", "x * y", "x - y"),
	"p/e-untry.patch":     edit("TestNone", "x + y", "x - y"),
	"p/f-panic.patch":     edit("TestAdd", "x + y", "x / (y - y)"),
}

func edit(test, from, to string) string {
	return "wrong: " + to + "\nkill: go test ./a -run " + test + " -count=1\n\n" +
		"--- a/a/a.go\n+++ b/a/a.go\n@@ -3,3 +3,3 @@\n func Add(x, y int) int {\n-\treturn " + from + "\n+\treturn " + to + "\n }\n"
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	t.Chdir(dir)
	require.NoError(t, exec.Command("git", "init", "-q").Run())

	var out bytes.Buffer
	require.ErrorIs(t, run(t.Context(), &out, "p", nil, 1), errLeft)
	for _, line := range []string{
		"not killed: p/b-survive.patch: survived\n", "not killed: p/c-uncompile.patch: does not compile\n",
		"not killed: p/d-unapply.patch: does not apply: ", "not killed: p/e-untry.patch: not tried: its test, without it: no test ran\n",
		"TestAdd/two\n",
	} {
		require.Contains(t, out.String(), line)
	}
	require.NotContains(t, out.String(), "not killed: p/a-kill")
	require.Equal(t, "mutants 6 killed 2", last(&out))

	out.Reset()
	require.NoError(t, run(t.Context(), &out, "p", []string{"a-kill", "f-panic"}, 2))
	require.Equal(t, "mutants 2 killed 2", last(&out))
	require.Error(t, run(t.Context(), &out, "p", []string{"a-kill", "none"}, 1))
	require.Error(t, run(t.Context(), &out, "empty", nil, 1))
}

func last(out *bytes.Buffer) string {
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	return lines[len(lines)-1]
}

func TestHeader(t *testing.T) {
	wrong, command, err := header("wrong: a\nkill: go test ./a -run B -count=1\n\n--- a\n")
	require.NoError(t, err)
	require.Equal(t, [2]string{"a", "go test ./a -run B -count=1"}, [2]string{wrong, command})
	for _, text := range []string{"", "wrong: a\n", "kill: go test ./a -run B -count=1\n", "wrong: a\nkill: make\n",
		"wrong: a\nkill: go test ./a -count=1\n", "wrong: a\nkill: go test ./a -run B\n", "wrong: a\nkill: rm ./a -run B -count=1\n"} {
		_, _, err := header(text)
		require.Error(t, err, "%q", text)
	}
}
