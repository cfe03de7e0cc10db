package rules

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	quoted  = regexp.MustCompile("`([^`\n]+)`")
	place   = regexp.MustCompile(`^(?:internal|plugins|cmd|docs|tools|examples|bench)/[\w./*-]+$`)
	file    = regexp.MustCompile(`^[\w*.-]+\.(?:go|md|conf|mod)$`)
	tested  = regexp.MustCompile(`(?:^| )\./([\w./-]+)`)
	made    = regexp.MustCompile(`(?:^|\$ |^sudo )make ([a-z][a-z0-9-]*)`)
	target  = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	history = regexp.MustCompile(`^(?:docs/adr/\d|CHANGELOG)`) // what was, may name what is gone
)

// there reports whether a path from the module's root, or a pattern, is of something. NAME stands for any.
func there(pattern string) bool {
	found, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(strings.ReplaceAll(pattern, "NAME", "*"))))
	return err == nil && len(found) > 0
}

// Packages and files that documents name are there; so are packages of commands to test, and targets of make.
func TestNamedInDocs(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "..", "Makefile"))
	require.NoError(t, err)
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	for name, page := range pages(t) {
		if history.MatchString(name) {
			continue
		}
		code := []string{}
		for _, m := range quoted.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
			code = append(code, m[1])
			require.True(t, !place.MatchString(m[1]) || there(m[1]), "%s names %s", name, m[1])
		}
		for _, block := range fence.FindAllString(page, -1) {
			code = append(code, strings.Split(block, "\n")...)
		}
		for _, line := range code {
			for _, m := range made.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
				require.True(t, targets[m[1]], "%s names make %s", name, m[1])
			}
			if strings.HasPrefix(line, "go test") {
				for _, m := range tested.FindAllStringSubmatch(line, -1) {
					require.True(t, there(strings.TrimSuffix(m[1], "/...")), "%s names the package ./%s", name, m[1])
				}
			}
		}
	}
}

// In the table of CONTRIBUTING a name without a folder is of the folder before it.
func TestTableOfContributing(t *testing.T) {
	_, table, _ := strings.Cut(pages(t)["CONTRIBUTING.md"], "| to change | look at | then run |\n| --- | --- | --- |\n")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, ""), "|")
		if len(cells) != 5 {
			break
		}
		rows++
		folder := ""
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			switch {
			case place.MatchString(m[1]) && path.Ext(m[1]) != "":
				folder = path.Dir(m[1])
			case place.MatchString(m[1]):
				folder = m[1]
			case file.MatchString(m[1]):
				require.True(t, there(path.Join(folder, m[1])), "%s in the row of %s", m[1], cells[1])
			}
		}
		require.NotEmpty(t, quoted.FindString(cells[3])+strings.TrimSpace(cells[3]), "what to run for %s", cells[1])
	}
	require.Greater(t, rows, 20, "the table was not found")
}

// The dev container has the toolchain that go.mod wants, so that nothing is downloaded.
func TestDevContainer(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", ".devcontainer", "devcontainer.json"))
	require.NoError(t, err)
	var container struct{ Image string }
	require.NoError(t, json.Unmarshal(text, &container))
	mod, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindStringSubmatch(string(mod))
	require.NotNil(t, version)
	require.Equal(t, "golang:"+version[1], container.Image)
}
