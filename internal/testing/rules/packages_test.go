package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// header is the head of one Go file: where it lies, and the comment of its package, empty if it has none.
type header struct{ path, comment string }

// headers are those of the module's files that are no tests.
func headers(t *testing.T) (all []header) {
	for _, s := range tree(t) {
		if s.isTest() {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(s.path)))
		require.NoError(t, err)
		all = append(all, headerOf(t, s.path, string(text)))
	}
	return all
}

func headerOf(t *testing.T, name, text string) header {
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.PackageClauseOnly)
	require.NoError(t, err)
	return header{name, commentOf(f)}
}

// commentOf is the comment that godoc shows of a file's package. Directives such as go:build are no part of it.
func commentOf(f *ast.File) string {
	if f.Doc == nil {
		return ""
	}
	return f.Doc.Text()
}

// undocumented says what is wrong with the comments of packages: a reader looks for a package's comment in doc.go, and for
// what it holds, does not hold and who owns its state in lines that are the same everywhere.
func undocumented(all []header, invariants map[string]bool) (wrong []string) {
	comments := map[string]string{}
	for _, h := range all {
		dir, file := path.Split(h.path)
		if _, ok := comments[dir]; !ok {
			comments[dir] = ""
		}
		switch {
		case file == "doc.go":
			comments[dir] = h.comment
		case h.comment != "":
			wrong = append(wrong, h.path+": the comment of a package stands in doc.go alone")
		}
	}
	for dir, comment := range comments {
		wrong = append(wrong, missingWords(dir, comment)...)
		for _, n := range invariantsIn(comment) {
			if !invariants[n] {
				wrong = append(wrong, dir+"doc.go: there is no invariant "+n)
			}
		}
		for _, p := range pathsIn(comment) {
			if _, err := os.Stat(filepath.Join("..", "..", "..", filepath.FromSlash(p))); err != nil {
				wrong = append(wrong, dir+"doc.go: there is no "+p)
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// missingWords says which of the fixed beginnings of lines a package's comment lacks.
func missingWords(dir, comment string) (wrong []string) {
	begins := []string{"Package " + path.Base(dir) + " ", "Command " + path.Base(dir) + " "}
	if !strings.HasPrefix(comment, begins[0]) && !strings.HasPrefix(comment, begins[1]) {
		return []string{dir + "doc.go: lacks the package's comment, which begins with " + strings.TrimSpace(begins[0])}
	}
	if !strings.HasPrefix(dir, "internal/") {
		return nil
	}
	for _, word := range []string{"Not here: ", "Owner: "} {
		if !strings.Contains(comment, "\n"+word) {
			wrong = append(wrong, dir+"doc.go: lacks a line that begins with "+strings.TrimSpace(word))
		}
	}
	return wrong
}

var (
	paragraph = regexp.MustCompile(`(?ms)^Invariants: (.*?)(?:\n\n|\z)`)
	numbered  = regexp.MustCompile(`(?m)^(\d+)\. \*\*`)
	digits    = regexp.MustCompile(`\d+`)
	named     = regexp.MustCompile(`\b((?:internal|plugins|cmd|tools|docs)/[\w/.-]*\w)(?:: (\w+\.go(?:, \w+\.go)*))?`)
)

// pathsIn are the directories and files that a package's comment names: "internal/core", or "internal/core: odd.go, clock.go".
func pathsIn(comment string) (all []string) {
	for _, m := range named.FindAllStringSubmatch(strings.Join(strings.Fields(comment), " "), -1) {
		all = append(all, m[1])
		if m[2] != "" {
			for file := range strings.SplitSeq(m[2], ", ") {
				all = append(all, path.Join(m[1], file))
			}
		}
	}
	return all
}

// invariantsIn are the numbers that a package's comment names.
func invariantsIn(comment string) []string {
	m := paragraph.FindStringSubmatch(comment)
	if m == nil {
		return nil
	}
	return digits.FindAllString(m[1], -1)
}

func invariants(t *testing.T) map[string]bool {
	known := map[string]bool{}
	for _, m := range numbered.FindAllStringSubmatch(pages(t)["docs/invariants.md"], -1) {
		require.False(t, known[m[1]], "docs/invariants.md has %s twice", m[1])
		known[m[1]] = true
	}
	require.Greater(t, len(known), 50)
	return known
}

func TestPackagesAreDocumented(t *testing.T) {
	require.Empty(t, undocumented(headers(t), invariants(t)))
}

// TestUndocumentedPackagesAreFound shows the check what it must find.
func TestUndocumentedPackagesAreFound(t *testing.T) {
	sound := "// Package a adds.\n//\n// Not here: b.\n//\n// Owner: nobody.\n//\n// Invariants: 1,\n// 2.\npackage a"
	for _, v := range []struct{ dir, doc, other, says string }{
		{"internal/a", sound, "//go:build unix\n\npackage a", ""},
		{"internal/a", "", "package a", "lacks the package's comment"},
		{"internal/a", "package a", "// Package a adds.\npackage a", "stands in doc.go alone"},
		{"internal/a", sound, "// Something.\npackage a", "stands in doc.go alone"},
		{"internal/a", strings.Replace(sound, "Package a", "Package b", 1), "package a", "lacks the package's comment"},
		{"internal/a", strings.Replace(sound, "Not here:", "See", 1), "package a", "begins with Not here:"},
		{"internal/a", strings.Replace(sound, "Owner:", "The owner:", 1), "package a", "begins with Owner:"},
		{"internal/a", strings.Replace(sound, "2.", "3.", 1), "package a", "no invariant 3"},
		{"internal/a", strings.Replace(sound, "b.", "internal/core: core.go, none.go.", 1), "package a", "there is no internal/core/none.go"},
		{"internal/a", strings.Replace(sound, "b.", "internal/none.", 1), "package a", "there is no internal/none"},
		{"cmd/a", "// Command a adds.\npackage main", "package main", ""},
	} {
		all := []header{headerOf(t, v.dir+"/a.go", v.other)}
		if v.doc != "" {
			all = append(all, headerOf(t, v.dir+"/doc.go", v.doc))
		}
		wrong := strings.Join(undocumented(all, map[string]bool{"1": true, "2": true}), "\n")
		require.Contains(t, wrong, v.says, v.doc)
		require.Equal(t, v.says == "", wrong == "", wrong)
	}
}
