package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/decahose/telegraf-decahose/"

// group is a directory of the tree: internal/x, plugins or cmd.
type group struct {
	name     string
	packages []string // below it, without those of tests
	imports  []string // other groups, those left out that are imported by way of one that is drawn
	level    int      // 0: it imports no other
}

// shown are where groups are looked for, and how many parts of a path name one.
var shown = map[string]int{"cmd": 1, "plugins": 1, "internal": 2}

// read finds the groups and their imports. Tests and what exists for them are left out.
func read(tree fs.FS) ([]*group, error) {
	packages, imports := map[string]map[string]bool{}, map[string]map[string]bool{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return fs.SkipDir
		}
		from := groupOf(path.Dir(name))
		if from == "" || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		add(packages, from, path.Dir(name))
		return eachImport(tree, name, func(to string) {
			if to != "" && to != from {
				add(imports, from, to)
			}
		})
	})
	return assemble(packages, imports), err
}

func add(sets map[string]map[string]bool, key, value string) {
	if sets[key] == nil {
		sets[key] = map[string]bool{}
	}
	sets[key][value] = true
}

// groupOf names the group of a directory; "" is none that is drawn.
func groupOf(dir string) string {
	parts := strings.Split(dir, "/")
	n := shown[parts[0]]
	if n == 0 || len(parts) < n || dir == "cmd/decahose-sim" {
		return ""
	}
	name := strings.Join(parts[:n], "/")
	if name == "internal/testing" || name == "internal/sim" {
		return ""
	}
	return name
}

func eachImport(tree fs.FS, name string, hear func(group string)) error {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		if inner, ours := strings.CutPrefix(p, module); ours {
			hear(groupOf(inner))
		}
	}
	return nil
}

// assemble sorts groups by level, the highest first, and by name.
func assemble(packages, imports map[string]map[string]bool) (all []*group) {
	for name, set := range packages {
		g := &group{name: name, packages: slices.Sorted(maps.Keys(set)), level: level(name, imports)}
		for to := range imports[name] {
			if !indirectly(name, to, imports) {
				g.imports = append(g.imports, to)
			}
		}
		slices.Sort(g.imports)
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		if a.level != b.level {
			return b.level - a.level
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

// level is the length of the longest way down. Imports of packages have no circle; those of groups are held to that by
// the rules of the tree.
func level(name string, imports map[string]map[string]bool) (n int) {
	for to := range imports[name] {
		n = max(n, level(to, imports)+1)
	}
	return n
}

// indirectly reports whether a group imports another by way of a third as well.
func indirectly(from, to string, imports map[string]map[string]bool) bool {
	for by := range imports[from] {
		if by != to && reaches(by, to, imports) {
			return true
		}
	}
	return false
}

func reaches(from, to string, imports map[string]map[string]bool) bool {
	if imports[from][to] {
		return true
	}
	for by := range imports[from] {
		if reaches(by, to, imports) {
			return true
		}
	}
	return false
}
