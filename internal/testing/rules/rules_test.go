package rules

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pure packages decide; they touch nothing of the machine they run on.
var pure = []string{"snowflake", "timeline", "point", "wire", "jsonscan", "tweet", "dedup", "ledger", "recovery", "volume", "feedback", "lineproto", "redact", "core"}

// support is what exists for tests and people without a stream; it may start goroutines.
var support = []string{"internal/sim/decasim", "internal/sim/volumes", "internal/testing/env", "internal/testing/smalldisk", "internal/sim/oracle", "internal/testing/e2e", "internal/testing/crash", "internal/testing/soak", "internal/testing/stores", "internal/testing/rules", "tools", "bench", "internal/bench"}

// layers: a package may import those with a smaller number only. A new package must be put here.
var layers = map[string]int{
	"internal/release": 0, "internal/record/snowflake": 0, "internal/timeline": 0, "internal/record/jsonscan": 0, "internal/output/point": 0,
	"internal/crashpoint": 0, "internal/output/feedback": 0, "internal/record/lineproto": 0, "internal/testing/smalldisk": 0, "internal/state/durable": 0, "internal/state/dirlock": 0,
	"internal/netsafe/redact": 0, "internal/netsafe/loopback": 0,
	"internal/state/sqlfile": 1, "internal/core/dedup": 1, "internal/record/wire": 1, "internal/state/ledger": 1, "internal/volume": 1,
	"internal/record/tweet": 2, "internal/core/refill": 2,
	"internal/core": 3, "internal/output/encode": 3,
	"internal/source/stream": 4, "internal/state/store": 4, "internal/output/spool": 4, "internal/archive": 4,
	"internal/output/delivery": 5, "internal/audit": 5,
	"internal/engine": 6, "internal/output/pubsub": 6,
	"plugins":              7,
	"internal/sim/decasim": 8, "internal/sim/volumes": 8, "internal/testing/rules": 8,
	"internal/sim/oracle": 9, "internal/testing/env": 9, "internal/testing/e2e": 9, "internal/testing/crash": 9, "internal/testing/soak": 9, "internal/testing/stores": 9, "cmd": 10, "tools": 10, "bench": 10, "internal/bench": 10,
}

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

func (s *source) pure() bool {
	return slices.ContainsFunc(pure, func(p string) bool { return s.within("internal/" + p) })
}

func pureTouchesNothing(s *source) (wrong []string) {
	if !s.pure() || s.isTest() {
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
	home := s.isTest() || s.within(support...) || s.within("internal/engine", "internal/output/delivery", "plugins", "cmd")
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
	from, name, ok := layerOf(s.dir())
	if !ok {
		return []string{s.dir() + " has no layer: put it into the table"}
	}
	for p := range s.imports() {
		inner, ours := strings.CutPrefix(p, module)
		if !ours {
			continue
		}
		to, other, ok := layerOf(inner)
		switch {
		case !ok:
			wrong = append(wrong, "imports "+inner+", which has no layer")
		case to >= from && (name != other || !s.within("plugins", "tools", "cmd")):
			wrong = append(wrong, "imports "+inner+", which is not below it")
		}
	}
	return wrong
}

// layerOf finds the layer of a directory by the longest entry of the table that holds it.
func layerOf(dir string) (layer int, name string, ok bool) {
	for name = dir; name != "." && name != "/"; name = path.Dir(name) {
		if layer, ok = layers[name]; ok {
			return layer, name, true
		}
	}
	return 0, "", false
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
