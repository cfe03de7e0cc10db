package settings

import (
	"fmt"
	"slices"

	"github.com/influxdata/toml/ast"
)

// ineffective are options that Telegraf's loader takes for every input, and that only an agent acts on.
var ineffective = []string{"collection_jitter", "collection_offset", "interval", "startup_error_behavior"}

// Warnings are lines about what the file holds and nothing acts on, or what is not what its writer meant.
func (s *File) Warnings() (lines []string) {
	if s.doc.root == nil {
		return nil
	}
	if agent := s.doc.root.Fields["agent"]; agent != nil {
		lines = append(lines, fmt.Sprintf("line %d: [agent] has no effect here: it belongs into Telegraf's own configuration", line(agent)))
	}
	for _, t := range s.doc.inputs() {
		for _, key := range ineffective {
			if kv, ok := t.Fields[key].(*ast.KeyValue); ok {
				lines = append(lines, fmt.Sprintf("line %d: option %q has no effect here: it belongs to the [[inputs.execd]] in Telegraf's own configuration", kv.Line, key))
			}
		}
	}
	for _, v := range s.doc.unsetVariables() {
		lines = append(lines, fmt.Sprintf("line %d: environment variable %s is not set, so the option holds the reference itself", v.line, v.name))
	}
	return lines
}

// loose refuses options that stand outside a table: the loader says neither which nor where.
func (d document) loose() error {
	if d.root == nil {
		return nil
	}
	var first *ast.KeyValue
	for _, node := range d.root.Fields {
		if kv, ok := node.(*ast.KeyValue); ok && (first == nil || kv.Line < first.Line) {
			first = kv
		}
	}
	if first == nil {
		return nil
	}
	table := "[[inputs.decahose]]"
	if slices.Contains(options(), first.Key) && len(d.inputs()) == 0 && len(d.outputs()) > 0 {
		table = "[[outputs." + OutputName + "]]"
	}
	return fmt.Errorf("line %d: option %q stands outside a table: it must stand below %s", first.Line, first.Key, table)
}
