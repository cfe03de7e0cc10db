package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module   = "github.com/decahose/telegraf-decahose/"
	telegraf = "github.com/influxdata/telegraf"
)

// source is one Go file of the tree, parsed.
type source struct {
	path string // slash-separated, from the module's root
	fset *token.FileSet
	file *ast.File
}

func parse(t testing.TB, path string, text any) *source {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	return &source{path, fset, file}
}

func (s *source) dir() string         { return path.Dir(s.path) }
func (s *source) isTest() bool        { return strings.HasSuffix(s.path, "_test.go") }
func (s *source) lines() int          { return s.fset.File(s.file.FileStart).LineCount() }
func (s *source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// within says whether the file lies in one of the directories or below.
func (s *source) within(dirs ...string) bool { return under(s.dir(), dirs...) }

// imports maps each imported path to the name it is used by.
func (s *source) imports() map[string]string {
	m := map[string]string{}
	for _, spec := range s.file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(p)
		if name == "v2" {
			name = path.Base(path.Dir(p))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		m[p] = name
	}
	return m
}

// uses lists where a function of an imported package is mentioned, called or not.
func (s *source) uses(pkg string, funcs ...string) (at []string) {
	name, ok := s.imports()[pkg]
	if !ok {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && matches(sel.Sel.Name, funcs) {
			at = append(at, pkg+"."+sel.Sel.Name+" in line "+strconv.Itoa(s.line(sel)))
		}
		return true
	})
	return at
}

// matches compares with names, of which one that ends in * is a prefix.
func matches(name string, names []string) bool {
	for _, n := range names {
		if p, ok := strings.CutSuffix(n, "*"); name == n || ok && strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// tree parses every Go file of the module.
func tree(t *testing.T) (files []*source) {
	root := filepath.Join("..", "..", "..")
	walk := func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(root, rel, d.Name())
		}
		if strings.HasSuffix(p, ".go") {
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			files = append(files, parse(t, filepath.ToSlash(rel), text))
		}
		return nil
	}
	require.NoError(t, filepath.WalkDir(root, walk))
	return files
}

// enter skips what is not this module's source.
func enter(root, rel, name string) error {
	if rel == "." {
		return nil
	}
	_, err := os.Stat(filepath.Join(root, rel, "go.mod"))
	if err == nil || name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return fs.SkipDir
	}
	return nil
}

// calls reports whether the file calls a function of its own package by that name.
func (s *source) calls(name string) (found bool) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			id, plain := c.Fun.(*ast.Ident)
			found = found || plain && id.Name == name
		}
		return true
	})
	return found
}
