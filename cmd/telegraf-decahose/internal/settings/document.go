package settings

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/influxdata/toml"
	"github.com/influxdata/toml/ast"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/option"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

// document is the file's syntax tree, which knows the lines that Telegraf's loader forgets. It
// is empty where the file can be parsed only after variables are put in; then messages have no
// lines.
type document struct{ root *ast.Table }

func parseDocument(raw []byte) (d document) {
	defer func() {
		if recover() != nil {
			d = document{}
		}
	}()
	root, err := toml.Parse(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	if err != nil {
		return document{}
	}
	return document{root}
}

// plugin is one plugin table of the file.
type plugin struct {
	kind, name string // "inputs", "decahose"
	table      *ast.Table
}

// plugins are all plugin tables in the order of their lines.
func (d document) plugins() []plugin {
	var all []plugin
	if d.root == nil {
		return nil
	}
	for kind, node := range d.root.Fields {
		group, ok := node.(*ast.Table)
		if !ok || slices.Contains([]string{"agent", "tags", "global_tags"}, kind) {
			continue
		}
		for name, tables := range group.Fields {
			all = append(all, pluginTables(kind, name, tables)...)
		}
	}
	slices.SortFunc(all, func(a, b plugin) int { return cmp.Compare(a.table.Line, b.table.Line) })
	return all
}

func pluginTables(kind, name string, node any) []plugin {
	switch n := node.(type) {
	case *ast.Table:
		return []plugin{{kind, name, n}}
	case []*ast.Table:
		all := make([]plugin, 0, len(n))
		for _, t := range n {
			all = append(all, plugin{kind, name, t})
		}
		return all
	}
	return nil
}

// inputs are the tables of [[inputs.decahose]].
func (d document) inputs() []*ast.Table { return d.tablesOf("inputs", "decahose") }

// outputs are the tables of [[outputs.decahose_archive]].
func (d document) outputs() []*ast.Table { return d.tablesOf("outputs", OutputName) }

func (d document) tablesOf(kind, name string) []*ast.Table {
	var tables []*ast.Table
	for _, p := range d.plugins() {
		if p.kind == kind && p.name == name {
			tables = append(tables, p.table)
		}
	}
	return tables
}

// foreign refuses the first plugin that this program does not run, and options that Telegraf's
// loader lets pass although no input knows them.
func (d document) foreign() error {
	for _, p := range d.plugins() {
		if p.kind == "secretstores" {
			continue
		}
		if p.kind == "outputs" && p.name == OutputName {
			if err := d.checkOutput(p.table); err != nil {
				return err
			}
			continue
		}
		if p.kind != "inputs" || p.name != "decahose" {
			return foreignError(p.kind+"."+p.name, p.table.Line)
		}
		for _, key := range slices.Sorted(maps.Keys(p.table.Fields)) {
			if err := checkCommon(key, p.table.Fields[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

func foreignError(name string, line int) error {
	where := ""
	if line > 0 {
		where = fmt.Sprintf("line %d: ", line)
	}
	if !redact.Name(name) {
		return fmt.Errorf("%sa plugin of that name is not known here", where)
	}
	if strings.HasPrefix(name, "secretstores.") {
		return fmt.Errorf("%s[[%s]] is not available: this program has only [[secretstores.docker]]", where, name)
	}
	return fmt.Errorf("%s[[%s]] cannot run here: only [[inputs.decahose]] and [[outputs.decahose_archive]] can, others belong into Telegraf's own configuration", where, name)
}

func line(node any) int {
	switch n := node.(type) {
	case *ast.KeyValue:
		return n.Line
	case *ast.Table:
		return n.Line
	case []*ast.Table:
		return n[0].Line
	}
	return 0
}

// where is "line N: " of an option in the i-th input, or nothing if it does not stand there.
func (d document) where(i int, option string) string {
	tables := d.inputs()
	if i >= len(tables) {
		return ""
	}
	return whereIn(tables[i], option, "inputs.decahose")
}

func whereIn(t *ast.Table, option, name string) string {
	if node := find(t, option); node != nil {
		return fmt.Sprintf("line %d: ", line(node))
	}
	return fmt.Sprintf("line %d: [[%s]]: ", t.Line, name)
}

// find is what stands in the table under a name such as "push.url"; its table, where only that is there. Of a list of
// tables "archive[2].url" names one; "archive.url" stands for the first that has it.
func find(t *ast.Table, option string) any {
	first, rest, nested := strings.Cut(option, ".")
	if name, index, ok := strings.Cut(strings.TrimSuffix(first, "]"), "["); nested {
		if list, isList := t.Fields[name].([]*ast.Table); isList {
			return findIn(list, index, ok, rest)
		}
	}
	sub, ok := t.Fields[first].(*ast.Table)
	if !nested || !ok {
		return t.Fields[first]
	}
	if node := find(sub, rest); node != nil {
		return node
	}
	return sub
}

func findIn(list []*ast.Table, index string, one bool, option string) any {
	n, err := strconv.Atoi(index)
	if one && err == nil && n > 0 && n <= len(list) {
		list = list[n-1 : n]
	}
	for _, t := range list {
		if node := find(t, option); node != nil {
			return node
		}
	}
	if one {
		return list[0]
	}
	return nil
}

// whereFirst is the same for the first input that has the option, where it is not known which is meant.
func (d document) whereFirst(option string) string {
	i := slices.IndexFunc(d.inputs(), func(t *ast.Table) bool { return find(t, option) != nil })
	return d.where(max(i, 0), option)
}

// secrets are the options that may refer to a secret store.
var secrets = []string{"username", "password", "push.token", "feedback.token", "archive.access_key", "archive.secret_key",
	"archive.session_token", "audit.dsn", "audit.password", "audit.token", "access_key", "secret_key", "session_token"}

// references names the options that refer to a secret store.
func (d document) references() string {
	var found []string
	for _, t := range slices.Concat(d.inputs(), d.outputs()) {
		for _, option := range secrets {
			kv, ok := find(t, option).(*ast.KeyValue)
			if ok && strings.Contains(kv.Value.Source(), "@{") {
				found = append(found, fmt.Sprintf("line %d: option %q", kv.Line, option))
			}
		}
	}
	return cmp.Or(strings.Join(found, ", "), "link secrets")
}

// at is the quoted key, with its first line in the file. What can be no option's name may be a value that lost its own.
func (d document) at(key string) string {
	shown := strconv.Quote(key)
	if !redact.Name(key) {
		shown = "of another kind of name"
	}
	if n := firstLine(d.root, key); n > 0 {
		return fmt.Sprintf("%s in line %d", shown, n)
	}
	return shown
}

func firstLine(t *ast.Table, key string) int {
	if t == nil {
		return 0
	}
	lowest := line(t.Fields[key])
	for _, node := range t.Fields {
		for _, sub := range subTables(node) {
			if n := firstLine(sub, key); n > 0 && (lowest == 0 || n < lowest) {
				lowest = n
			}
		}
	}
	return lowest
}

func subTables(node any) []*ast.Table {
	switch n := node.(type) {
	case *ast.Table:
		return []*ast.Table{n}
	case []*ast.Table:
		return n
	}
	return nil
}

// keyAt is the name of the option that stands alone in that line; empty if none does.
func (d document) keyAt(n int) string { return keyAt(d.root, n) }

func keyAt(t *ast.Table, n int) string {
	if t == nil {
		return ""
	}
	for key, node := range t.Fields {
		if kv, ok := node.(*ast.KeyValue); ok && kv.Line == n {
			return key
		}
		for _, sub := range subTables(node) {
			if found := keyAt(sub, n); found != "" {
				return found
			}
		}
	}
	return ""
}

// tableAt is the name of the table of an input that begins in that line; empty if none does.
func (d document) tableAt(n int) string {
	for _, t := range d.inputs() {
		for name, node := range t.Fields {
			if sub, ok := node.(*ast.Table); ok && sub.Line == n {
				return name
			}
		}
	}
	return ""
}

// plain is a value that may be shown, shortened; nothing if it may hold a credential.
func plain(value string) string {
	if !redact.Plain(value) {
		return ""
	}
	return option.Shorten(value)
}

// value is the option as written in that line; nothing if it may be a credential.
func (d document) value(name string, at int) string {
	for _, secret := range []string{"username", "password", "token", "key_pwd", "url", "dsn", "access_key", "secret_key"} {
		if strings.Contains(name, secret) {
			return ""
		}
	}
	for _, t := range slices.Concat(d.inputs(), d.outputs()) {
		for _, in := range append([]string{""}, singleTables...) {
			if kv, ok := find(t, strings.TrimPrefix(in+"."+name, ".")).(*ast.KeyValue); ok && kv.Line == at {
				return plain(kv.Value.Source())
			}
		}
	}
	return ""
}

// tables hold the options of the input and of its own tables, and of the output.
var tables = []reflect.Type{reflect.TypeFor[decahose.Decahose](), reflect.TypeFor[decahose.Route](),
	reflect.TypeFor[decahose.Push](), reflect.TypeFor[decahose.Feedback](), reflect.TypeFor[decahose.Debug](), reflect.TypeFor[decahose.Audit](),
	reflect.TypeFor[decahose_archive.Archive]()}

// structField is the field that the loader names, such as "decahose.Decahose.Connections".
func structField(name string) (reflect.StructField, bool) {
	if strings.HasPrefix(name, "config.") {
		return reflect.StructField{}, false // of the agent
	}
	name = name[strings.LastIndexByte(name, '.')+1:]
	for _, t := range tables {
		if f, ok := t.FieldByName(name); ok && f.Tag.Get("toml") != "" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// options are all options of the plugins.
func options() []string {
	var names []string
	for _, t := range tables {
		for _, f := range reflect.VisibleFields(t) {
			if tag := f.Tag.Get("toml"); tag != "" && tag != "-" {
				names = append(names, tag)
			}
		}
	}
	return names
}

// suggestion is the option that key may have been meant to be.
func suggestion(key string) string {
	best, distance := "", 3
	for _, o := range options() {
		if n := edits(key, o); n < distance {
			best, distance = o, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost = 1 + min(corner, row[j], row[j+1])
			}
			corner, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
