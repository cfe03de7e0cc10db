package rules

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// toRename is which words of the glossary's list "not used" still stand in which package. It may only shrink: an entry
// that is not needed any more fails the test.
var toRename = map[string][]string{
	"internal/audit":                   {"came"},
	"internal/core":                    {"brought", "came", "chore", "fed", "heard", "hole", "lit", "shelf"},
	"internal/core/clock":              {"heard"},
	"internal/core/dedup":              {"hole"},
	"internal/core/refill":             {"came"},
	"internal/netsafe/loopback":        {"stranger"},
	"internal/sim/decasim":             {"hole"},
	"internal/source/stream":           {"came", "heard"},
	"internal/testing/e2e":             {"came"},
	"plugins/outputs/decahose_archive": {"heard"},
}

// No identifier and no file name uses a word that the glossary rules out. Comments and texts may: a leg has its place
// in English.
func TestNoWordThatIsNotUsed(t *testing.T) {
	unused := notUsed(pages(t)["docs/glossary.md"])
	require.Greater(t, len(unused), 10, "the list was not found")
	found := map[string]map[string]string{} // package, word, where
	for _, f := range tree(t) {
		for _, name := range append(f.declared(), strings.TrimSuffix(path.Base(f.path), ".go")) {
			for _, w := range wordsOf(name) {
				if !unused[w] {
					continue
				}
				if found[f.dir()] == nil {
					found[f.dir()] = map[string]string{}
				}
				found[f.dir()][w] = f.path + ": " + name
			}
		}
	}
	for dir, words := range found {
		for w, where := range words {
			if !slices.Contains(toRename[dir], w) {
				t.Errorf("%s: the glossary rules out %q", where, w)
			}
		}
	}
	for dir, words := range toRename {
		for _, w := range words {
			if found[dir][w] == "" {
				t.Errorf("%s does not use %q any more: take it out of the table", dir, w)
			}
		}
	}
}

// notUsed reads the glossary's last list: words, a colon, and what to say.
func notUsed(page string) map[string]bool {
	_, list, _ := strings.Cut(page, "\n## Not used\n")
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^- ([a-z, ]+): \S`).FindAllStringSubmatch(list, -1) {
		for w := range strings.SplitSeq(m[1], ", ") {
			all[w] = true
		}
	}
	return all
}

// declared are the identifiers that a file declares. What it only uses may be another module's.
func (s *source) declared() []string {
	all := map[string]bool{}
	add := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			if id, ok := e.(*ast.Ident); ok {
				all[id.Name] = true
			}
		}
	}
	names := func(ids []*ast.Ident) {
		for _, id := range ids {
			all[id.Name] = true
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			add(n.Name)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.ValueSpec:
			names(n.Names)
		case *ast.Field:
			names(n.Names)
		case *ast.LabeledStmt:
			add(n.Label)
		case *ast.RangeStmt:
			add(n.Key, n.Value)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				add(n.Lhs...)
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(all))
}

// wordsOf splits a name into its words, in small letters and without a plural's s.
func wordsOf(name string) (all []string) {
	start := 0
	runes := []rune(name)
	cut := func(end int) {
		if w := strings.ToLower(string(runes[start:end])); w != "" {
			all = append(all, w)
			if one, ok := strings.CutSuffix(w, "s"); ok {
				all = append(all, one)
			}
		}
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			cut(i)
			start = i + 1
		case i > start && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			cut(i)
			start = i
		}
	}
	cut(len(runes))
	return all
}

func TestWordsOf(t *testing.T) {
	for name, want := range map[string][]string{
		"desk":         {"desk"},
		"newDesk":      {"new", "desk"},
		"holesOfHTTP2": {"holes", "hole", "of", "http"},
		"HTTPLane":     {"http", "lane"},
		"shelf_test":   {"shelf", "test"},
		"slot":         {"slot"},
	} {
		require.Equal(t, want, wordsOf(name), name)
	}
}

func TestDeclared(t *testing.T) {
	f := parse(t, "a.go", `package a; import "go/ast"
		type T struct{ F int }
		func (r T) M(p int) { for k, v := range p { x := ast.BasicLit{}; _ = y.Used; L: goto L } }
		var V = 1`)
	require.Equal(t, []string{"F", "L", "M", "T", "V", "k", "p", "r", "v", "x"}, f.declared())
}
