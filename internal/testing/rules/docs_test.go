package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pages are all documents of the project, by their path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	root := filepath.Join("..", "..", "..")
	require.NoError(t, filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() && slices.Contains([]string{".git", ".cache", "build", "bin"}, e.Name()) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		body, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		all[filepath.ToSlash(name)] = string(body)
		return err
	}))
	require.NotEmpty(t, all["README.md"])
	return all
}

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inline  = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	defined = regexp.MustCompile(`(?m)^\[([^\]]+)\]: (\S+)$`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	comment = regexp.MustCompile(` *<!--.*?-->`)
	linked  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchors are the names that a reader's browser finds on a page: GitHub makes them of headings.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		text := strings.ToLower(linked.ReplaceAllString(strings.TrimSpace(comment.ReplaceAllString(m[1], "")), "$1"))
		all[strings.ReplaceAll(dropped.ReplaceAllString(text, ""), " ", "-")] = true
	}
	return all
}

// Each link of a document leads to a file of the project, and its anchor to a heading there.
func TestLinksResolve(t *testing.T) {
	all := pages(t)
	for name, page := range all {
		body := fence.ReplaceAllString(page, "")
		targets := inline.FindAllStringSubmatch(body, -1)
		for _, m := range defined.FindAllStringSubmatch(body, -1) {
			targets = append(targets, []string{m[0], m[2]})
		}
		for _, m := range targets {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") || strings.HasPrefix(path, "mailto:") {
				continue
			}
			target := name
			if path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(name), path))
				_, err := os.Stat(filepath.Join("..", "..", "..", target))
				require.NoError(t, err, "%s links to %s", name, m[1])
			}
			if anchor != "" && filepath.Ext(target) == ".md" {
				require.True(t, anchors(all[target])[anchor], "%s links to %s, and no heading there makes that anchor", name, m[1])
			}
		}
	}
}

// The glossary has one entry per word, in the order of the alphabet.
func TestGlossaryInOrder(t *testing.T) {
	var words []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+?) \|`).FindAllStringSubmatch(pages(t)["docs/glossary.md"], -1) {
		if m[1] != "word" && !strings.HasPrefix(m[1], "---") {
			words = append(words, strings.ToLower(m[1]))
		}
	}
	require.Greater(t, len(words), 50)
	for i := 1; i < len(words); i++ {
		require.Less(t, words[i-1], words[i], "out of order, or twice")
	}
	seen := map[string]bool{}
	for _, entry := range words {
		entry, _, _ = strings.Cut(entry, " (")
		for word := range strings.SplitSeq(entry, ", ") {
			require.False(t, seen[word], "%q has two entries", word)
			seen[word] = true
		}
	}
}

// Documents name commands and flags of telegraf-decahose that there are.
func TestCommandsNamedInDocs(t *testing.T) {
	var all strings.Builder
	command := filepath.Join("..", "..", "..", "cmd", "telegraf-decahose")
	for _, pattern := range []string{"*.go", filepath.Join("internal", "*", "*.go")} {
		files, err := filepath.Glob(filepath.Join(command, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			all.Write(body)
		}
	}
	source := all.String()
	used := regexp.MustCompile(`(?m)(?:\$td|telegraf-decahose)((?: -config \S+)?(?: (?:archive )?[a-z]+)?)((?: -[a-z_-]+(?: [^\s|-]\S*| -\d+[hmd])?)*)`)
	flag := regexp.MustCompile(` -([a-z][a-z_-]*)`)
	for name, page := range pages(t) {
		if strings.HasPrefix(name, "docs/adr/") {
			continue
		}
		for _, block := range fence.FindAllString(page, -1) {
			for _, m := range used.FindAllStringSubmatch(block, -1) {
				for _, f := range flag.FindAllStringSubmatch(m[1]+m[2], -1) {
					require.True(t, strings.Contains(source, `Name: "`+f[1]+`"`), "%s names a flag that is not there: %s", name, m[0])
				}
			}
		}
	}
}
