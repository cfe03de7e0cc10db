package rules

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTreeKeepsTheRules(t *testing.T) {
	files := tree(t)
	require.Greater(t, len(files), 10, "the tree was not found")
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range files {
				for _, wrong := range r.check(f) {
					t.Errorf("%s: %s", f.path, wrong)
				}
			}
		})
	}
}

// violation is a file that breaks one rule, at a path where that rule holds, and what is to be said of it.
type violation struct{ rule, path, text, says string }

var violations = []violation{
	{"pure packages touch nothing", "internal/core/a.go", `package core; import "os"`, "imports os"},
	{"pure packages touch nothing", "internal/record/wire/a.go", `package wire; import "net/http"`, "imports net/http"},
	{"pure packages touch nothing", "internal/core/dedup/a.go", `package dedup; import "sync/atomic"`, "imports sync/atomic"},
	{"pure packages touch nothing", "internal/core/a.go", `package core; import "math/rand/v2"`, "imports math/rand/v2"},
	{"pure packages touch nothing", "internal/core/a.go", `package core; import "time"; var a = time.Now`, "time.Now in line 1"},
	{"pure packages touch nothing", "internal/core/a.go", `package core; import clock "time"; func f() { clock.NewTimer(1) }`, "time.NewTimer"},
	{"telegraf stays above", "internal/output/encode/a.go", `package emit; import "github.com/influxdata/telegraf/metric"`, "telegraf/metric"},
	{"telegraf stays above", "internal/source/stream/a.go", `package stream; import "github.com/influxdata/telegraf"`, "telegraf"},
	{"goroutines have a home", "internal/engine/a.go", `package engine; func f() { go f() }`, "use WaitGroup.Go"},
	{"goroutines have a home", "internal/engine/a_test.go", `package engine; func f() { go f() }`, "use WaitGroup.Go"},
	{"goroutines have a home", "internal/source/stream/a.go", `package stream; import "sync"; func f(wg *sync.WaitGroup) { wg.Go(func() {}) }`, "starts a goroutine"},
	{"imports point downwards", "internal/record/tweet/a.go", `package tweet; import "` + module + `internal/core"`, "may not"},
	{"imports point downwards", "internal/core/a.go", `package core; import "` + module + `internal/engine"`, "may not"},
	{"imports point downwards", "internal/core/a.go", `package core; import "` + module + `internal/output/encode"`, "may not"},
	{"imports point downwards", "internal/engine/a.go", `package engine; import "` + module + `plugins/inputs/decahose"`, "may not"},
	{"imports point downwards", "internal/engine/a.go", `package engine; import "` + module + `internal/sim/decasim"`, "may not"},
	{"imports point downwards", "internal/novelty/a.go", `package novelty`, "is in no group"},
	{"imports point downwards", "internal/engine/a.go", `package engine; import "` + module + `internal/novelty"`, "may not"},
	{"sizes", "internal/core/a.go", "package core\n" + strings.Repeat("\n", 501), "500 allowed"},
	{"sizes", "internal/core/a.go", "package core\nfunc f() {\n" + strings.Repeat("f()\n", 80) + "}", "f has 82 lines"},
	{"package names", "internal/utils/a.go", `package utils`, "utils"},
	{"package names", "internal/core/helper/a.go", `package better`, "helper"},
	{"package names", "internal/core/a_test.go", `package manager_test`, "manager"},
	{"no logger below plugins", "internal/engine/a.go", `package engine; import "log/slog"`, "log/slog"},
	{"no logger below plugins", "internal/core/a.go", `package core; import "fmt"; func f() { fmt.Println() }`, "fmt.Println"},
	{"no init", "internal/core/a.go", `package core; func init() {}`, "init in line 1"},
	{"no sleep in tests", "internal/core/a_test.go", `package core; import "time"; func f() { time.Sleep(1) }`, "time.Sleep"},
	{"no dot imports", "internal/core/a.go", `package core; import . "strings"`, "dot import of strings"},
}

// innocent files look like violations and are none.
var innocent = []violation{
	{"pure packages touch nothing", "internal/core/a.go", `package core; import "time"; type x struct{ Now int }; func f(now time.Time, a x) { _ = a.Now }`, ""},
	{"pure packages touch nothing", "internal/core/a_test.go", `package core; import "os"`, ""},
	{"pure packages touch nothing", "internal/engine/a.go", `package engine; import "os"`, ""},
	{"telegraf stays above", "plugins/inputs/decahose/a.go", `package decahose; import "github.com/influxdata/telegraf"`, ""},
	{"telegraf stays above", "internal/output/encode/a_test.go", `package emit; import "github.com/influxdata/telegraf"`, ""},
	{"goroutines have a home", "internal/engine/a.go", `package engine; import "sync"; func f(wg *sync.WaitGroup) { wg.Go(func() {}) }`, ""},
	{"imports point downwards", "plugins/all/a.go", `package all; import _ "` + module + `plugins/inputs/decahose"`, ""},
	{"imports point downwards", "cmd/telegraf-decahose/a.go", `package main; import _ "` + module + `plugins/all"`, ""},
	{"sizes", "internal/core/a.go", "package core\n" + strings.Repeat("\n", 400), ""},
	{"no logger below plugins", "internal/core/a.go", `package core; import "fmt"; func f() { _ = fmt.Sprint() }`, ""},
	{"no init", "plugins/inputs/decahose/a.go", `package decahose; func init() {}`, ""},
	{"no sleep in tests", "internal/core/a_test.go", `package core; import ("time"; "testing/synctest"); func f() { time.Sleep(1); synctest.Wait() }`, ""},
	{"no dot imports", "internal/core/a.go", `package core; import _ "embed"`, ""},
}

func TestRulesCatchWhatBreaksThem(t *testing.T) {
	for _, v := range violations {
		require.Contains(t, strings.Join(check(t, v), "\n"), v.says, "%s: %s", v.rule, v.text)
		require.NotEmpty(t, check(t, v))
	}
}

func TestRulesLetTheInnocentGo(t *testing.T) {
	for _, v := range innocent {
		require.Empty(t, check(t, v), "%s: %s", v.rule, v.text)
	}
}

func TestEveryRuleIsTested(t *testing.T) {
	tested := map[string]bool{}
	for _, v := range violations {
		tested[v.rule] = true
	}
	for _, r := range rules() {
		require.True(t, tested[r.name], r.name)
	}
}

func check(t *testing.T, v violation) []string {
	for _, r := range rules() {
		if r.name == v.rule {
			return r.check(parse(t, v.path, v.text))
		}
	}
	t.Fatalf("no rule %q", v.rule)
	return nil
}

// What the tables name is there, and a group imports from below only.
func TestTablesNameWhatThereIs(t *testing.T) {
	all := slices.Concat(pure, support, goroutines)
	for i, g := range groups {
		all = append(append(all, g.dir), g.imports...)
		for _, from := range g.imports {
			require.Contains(t, dirs(groups[:i]), groupOf(from).dir, "%s imports %s", g.dir, from)
		}
	}
	for _, dir := range all {
		require.DirExists(t, filepath.Join("..", "..", "..", dir))
	}
}

func dirs(groups []group) (all []string) {
	for _, g := range groups {
		all = append(all, g.dir)
	}
	return all
}
