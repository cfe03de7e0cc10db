package rules

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// group is a part of the tree: a directory, and what its packages may import of ours beside each other.
type group struct {
	dir     string
	imports []string
}

// groups are the tree from the bottom up. A new package belongs into one of them; a new group must be put here, below
// those that import it.
var groups = []group{
	{"internal/record", nil},
	{"internal/timeline", nil},
	{"internal/netsafe", nil},
	{"internal/release", nil},
	{"internal/crashpoint", nil},
	{"internal/volume", []string{"internal/timeline"}},
	{"internal/state", []string{"internal/record", "internal/timeline", "internal/crashpoint"}},
	{"internal/source", []string{"internal/record", "internal/netsafe"}},
	{"internal/archive", []string{"internal/record", "internal/timeline", "internal/netsafe", "internal/state"}},
	{"internal/output", []string{"internal/record", "internal/timeline", "internal/netsafe", "internal/crashpoint", "internal/state"}},
	{"internal/audit", []string{"internal/record", "internal/timeline", "internal/netsafe", "internal/state", "internal/output/point", "internal/output/spool"}},
	{"internal/core", []string{"internal/source/xapi", "internal/record", "internal/timeline", "internal/volume", "internal/state/ledger", "internal/output/point", "internal/output/feedback"}},
	{"internal/recording", []string{"internal/record", "internal/timeline", "internal/source/xapi", "internal/state", "internal/output/point", "internal/output/feedback", "internal/core"}},
	{"internal/engine", []string{"internal/record", "internal/timeline", "internal/state", "internal/source", "internal/archive", "internal/output", "internal/core"}},
	{"internal/app", []string{"internal/record", "internal/timeline", "internal/state", "internal/output", "internal/core", "internal/engine"}},
	{"plugins", []string{"internal/record", "internal/timeline", "internal/netsafe", "internal/release", "internal/volume", "internal/state", "internal/source",
		"internal/archive", "internal/output", "internal/audit", "internal/core", "internal/recording", "internal/engine", "internal/app"}},
	{"internal/sim", []string{"internal/record", "internal/timeline", "internal/volume", "internal/state", "internal/source", "internal/archive", "internal/output",
		"internal/core", "internal/engine", "internal/app"}},
	{"internal/testing", []string{"internal/state"}},
	{"cmd/telegraf-decahose", []string{"internal/record", "internal/timeline", "internal/netsafe", "internal/release", "internal/state", "internal/archive",
		"internal/output", "internal/audit", "internal/core/refill", "internal/recording", "plugins"}},
	{"cmd/decahose-sim", []string{"internal/sim"}},
	{"tools", []string{"internal/record", "internal/volume", "internal/sim", "internal/testing"}},
}

// pure packages decide; they touch nothing of the machine they run on.
var pure = []string{"internal/record", "internal/timeline", "internal/netsafe/redact", "internal/volume", "internal/state/ledger",
	"internal/output/point", "internal/output/feedback", "internal/source/xapi", "internal/core", "internal/sim/rng"}

// support is what exists for tests and people without a stream; it may start goroutines.
var support = []string{"internal/sim", "internal/testing", "tools"}

// goroutines are started where somebody waits for their end.
var goroutines = []string{"internal/engine", "internal/output/delivery", "internal/app", "plugins", "cmd"}

// rule returns what is wrong with a file, nothing if it keeps the rule.
type rule struct {
	name  string
	check func(*source) []string
}

func rules() []rule {
	return []rule{
		{"pure packages touch nothing", pureTouchesNothing},
		{"telegraf stays above", telegrafStaysAbove},
		{"goroutines have a home", goroutinesHaveAHome},
		{"imports point downwards", importsPointDownwards},
		{"sizes", sizes},
		{"package names", packageNames},
		{"no logger below plugins", noLoggerBelow},
		{"no init", noInit},
		{"no sleep in tests", noSleepInTests},
		{"no dot imports", noDotImports},
	}
}

func pureTouchesNothing(s *source) (wrong []string) {
	if !s.within(pure...) || s.isTest() {
		return nil
	}
	for p := range s.imports() {
		for _, bad := range []string{"net", "os", "sync", "context", "log", "math/rand", "syscall", "runtime", telegraf} {
			if p == bad || strings.HasPrefix(p, bad+"/") {
				wrong = append(wrong, "imports "+p)
			}
		}
	}
	clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}
	return append(wrong, s.uses("time", clock...)...)
}

func telegrafStaysAbove(s *source) (wrong []string) {
	if !s.within("internal") || s.isTest() || s.within(support...) {
		return nil
	}
	for p := range s.imports() {
		if p == telegraf || strings.HasPrefix(p, telegraf+"/") {
			wrong = append(wrong, "imports "+p)
		}
	}
	return wrong
}

func goroutinesHaveAHome(s *source) (wrong []string) {
	home := s.isTest() || s.within(support...) || s.within(goroutines...)
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			wrong = append(wrong, "go statement (use WaitGroup.Go) in line "+strconv.Itoa(s.line(n)))
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" && len(n.Args) == 1 && !home {
				wrong = append(wrong, "starts a goroutine in line "+strconv.Itoa(s.line(n)))
			}
		}
		return true
	})
	return wrong
}

func importsPointDownwards(s *source) (wrong []string) {
	if s.isTest() {
		return nil
	}
	from := groupOf(s.dir())
	if from == nil {
		return []string{s.dir() + " is in no group: put it into the table"}
	}
	for p := range s.imports() {
		if inner, ours := strings.CutPrefix(p, module); ours && !under(inner, from.dir) && !under(inner, from.imports...) {
			wrong = append(wrong, "imports "+inner+", which "+from.dir+" may not")
		}
	}
	return wrong
}

// groupOf is the group that holds a directory, nil for none.
func groupOf(dir string) *group {
	for i := range groups {
		if under(dir, groups[i].dir) {
			return &groups[i]
		}
	}
	return nil
}

// under says whether a directory is one of those, or below one.
func under(dir string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") })
}

func sizes(s *source) (wrong []string) {
	if n := s.lines(); n > 500 {
		wrong = append(wrong, strconv.Itoa(n)+" lines, 500 allowed")
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.fset.Position(f.End()).Line - s.line(f) + 1; n > 80 {
			wrong = append(wrong, f.Name.Name+" has "+strconv.Itoa(n)+" lines, 80 allowed")
		}
	}
	return wrong
}

func packageNames(s *source) (wrong []string) {
	bad := []string{"util", "utils", "helper", "helpers", "manager", "handler", "handlers", "processor", "service", "services",
		"data", "info", "common", "misc", "base", "shared"}
	for _, name := range []string{s.file.Name.Name, path.Base(s.dir())} {
		if slices.Contains(bad, strings.TrimSuffix(name, "_test")) {
			wrong = append(wrong, "is in a package named "+name+", which says nothing")
		}
	}
	return wrong
}

func noLoggerBelow(s *source) (wrong []string) {
	if !s.within("internal") || s.isTest() || s.within(support...) {
		return nil
	}
	for p := range s.imports() {
		if p == "log" || strings.HasPrefix(p, "log/") {
			wrong = append(wrong, "imports "+p)
		}
	}
	return append(wrong, s.uses("fmt", "Print*", "Fprint*")...)
}

func noInit(s *source) (wrong []string) {
	if s.within("plugins") {
		return nil // registration is Telegraf's convention
	}
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "init" && f.Recv == nil {
			wrong = append(wrong, "init in line "+strconv.Itoa(s.line(f)))
		}
	}
	return wrong
}

func noSleepInTests(s *source) []string {
	// A file of bubbles may have its bubble's frame in another file of the package, named bubble.
	if _, bubble := s.imports()["testing/synctest"]; bubble || !s.isTest() || s.calls("bubble") {
		return nil
	}
	return s.uses("time", "Sleep")
}

func noDotImports(s *source) (wrong []string) {
	for p, name := range s.imports() {
		if name == "." {
			wrong = append(wrong, "dot import of "+p+" hides where names come from")
		}
	}
	return wrong
}
