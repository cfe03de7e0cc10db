package settings

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/influxdata/toml/ast"
)

// reference is one to a variable of the environment as our documents write it. Anything else that begins with a dollar sign
// may be a part of a password, which must not be shown.
var reference = regexp.MustCompile(`\$\{([A-Z][A-Z0-9_]*)\}`)

// unsetVariable is one that the file refers to. Telegraf's loader leaves the reference as it stands, so that it is the
// option's value.
type unsetVariable struct {
	name string
	line int
}

func (d document) unsetVariables() (all []unsetVariable) {
	eachValue(d.root, func(kv *ast.KeyValue) {
		for _, m := range reference.FindAllStringSubmatch(kv.Value.Source(), -1) {
			if _, set := os.LookupEnv(m[1]); !set {
				all = append(all, unsetVariable{m[1], kv.Line})
			}
		}
	})
	return all
}

// eachValue calls f with every option of the table and of those in it, in the order of their names.
func eachValue(t *ast.Table, f func(*ast.KeyValue)) {
	if t == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(t.Fields)) {
		if kv, ok := t.Fields[key].(*ast.KeyValue); ok {
			f(kv)
		}
		for _, sub := range subTables(t.Fields[key]) {
			eachValue(sub, f)
		}
	}
}

// login names the variables that hold the credentials of an input that has none in its table.
func (d document) login() (names []string) {
	for _, t := range d.inputs() {
		for _, o := range []struct{ option, variable string }{{"username", "DECAHOSE_USERNAME"}, {"password", "DECAHOSE_PASSWORD"}} {
			if t.Fields[o.option] == nil && t.Fields[o.option+"_file"] == nil && os.Getenv(o.variable) == "" {
				names = append(names, o.variable)
			}
		}
	}
	return names
}

// unsetNames are the variables that the configuration needs and that this process does not have, each once; those of the
// credentials where X is asked.
func (d document) unsetNames(asksX bool) (names []string) {
	if asksX {
		names = d.login()
	}
	for _, v := range d.unsetVariables() {
		names = append(names, v.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// HintAtEnvironment says how to run the command with the environment of the service, where this one lacks something.
func HintAtEnvironment(path string, asksX bool, say func(text string)) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return
	}
	names := parseDocument(raw).unsetNames(asksX)
	if len(names) == 0 {
		return
	}
	verb := "are"
	if len(names) == 1 {
		verb = "is"
	}
	say(fmt.Sprintf("%s %s not set here; to have the environment of the service: sudo systemd-run --quiet --pipe --wait -p User=telegraf -p EnvironmentFile=/etc/default/telegraf %s",
		strings.Join(names, ", "), verb, shellWords(os.Args)))
}

var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shellWords is a command line to paste.
func shellWords(args []string) string {
	words := make([]string, 0, len(args))
	for i, arg := range args {
		if self, err := os.Executable(); i == 0 && err == nil {
			arg = self
		}
		if !plainWord.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
