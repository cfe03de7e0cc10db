package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/toml/ast"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// passedOver are options of other kinds of plugin.
var passedOver = []string{
	"buffer_directory", "buffer_strategy", "data_format", "data_type", "delay", "drop_original",
	"flush_jitter", "grace", "id", "influx_parser_type", "lvm", "order", "period",
}

// The options that Telegraf's loader reads for every input, by what stands in the file. It drops a
// value of another type without a word, or does not say which option it means.
var (
	commonTimes   = []string{"collection_jitter", "collection_offset", "interval", "precision"}
	commonStrings = []string{"alias", "log_level", "name_override", "name_prefix", "name_suffix", "startup_error_behavior"}
	commonLists   = []string{
		"fielddrop", "fieldexclude", "fieldinclude", "fieldpass", "namedrop", "namepass", "tagexclude", "taginclude",
	}
	commonTables = []string{"tagdrop", "tagpass", "tags"}
)

// singleTables are our own that stand at most once in an input; repeatedTables may stand there several times.
var singleTables, repeatedTables = tablesOf(reflect.TypeFor[decahose.Decahose]())

// tablesOf finds the options of a plugin that are tables, by the types of their fields.
func tablesOf(plugin reflect.Type) (single, repeated []string) {
	for _, f := range reflect.VisibleFields(plugin) {
		name := f.Tag.Get("toml")
		switch _, list, ok := tableType(f.Type); {
		case !ok || name == "" || name == "-":
		case list:
			repeated = append(repeated, name)
		default:
			single = append(single, name)
		}
	}
	return single, repeated
}

// tableType is the struct that holds a table's options, where a field of type t is a table or a list of them.
func tableType(t reflect.Type) (options reflect.Type, list, ok bool) {
	if list = t.Kind() == reflect.Slice; list {
		t = t.Elem()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, list, t.Kind() == reflect.Struct && t != reflect.TypeFor[config.Secret]()
}

// checkCommon checks those options, and our own tables: whether one may be repeated is easily mistaken.
func checkCommon(key string, node any) error {
	switch {
	case slices.Contains(passedOver, key):
		return fmt.Errorf("line %d: unknown option %q (-sample-config shows all)", line(node), key)
	case slices.Contains(commonTimes, key):
		return commonType(key, node, isTime, `a time such as "10s"`)
	case slices.Contains(commonStrings, key):
		return commonType(key, node, isString, "a quoted string")
	case slices.Contains(commonLists, key):
		return commonType(key, node, isStrings, "a list of quoted strings")
	case slices.Contains(commonTables, key):
		return commonType(key, node, isTable, fmt.Sprintf("a table, written [inputs.decahose.%s]", key))
	case slices.Contains(singleTables, key):
		return commonType(key, node, isTable, fmt.Sprintf("a table, written [inputs.decahose.%s]", key))
	case slices.Contains(repeatedTables, key):
		return commonType(key, node, isTables, fmt.Sprintf("tables, each written [[inputs.decahose.%s]]", key))
	}
	return nil
}

// commonType shows the value only where it is a plain one: where a table belongs it may hold a credential.
func commonType(key string, node any, holds func(any) bool, allowed string) error {
	if holds(node) {
		return nil
	}
	if kv, ok := node.(*ast.KeyValue); ok && !ownTable(key) && redact.Plain(kv.Value.Source()) {
		return fmt.Errorf("line %d: option %q is %s, must be %s", kv.Line, key, option.Shorten(kv.Value.Source()), allowed)
	}
	return fmt.Errorf("line %d: option %q must be %s", line(node), key, allowed)
}

// ownTable reports whether our own tables are called so. Most of them hold credentials.
func ownTable(key string) bool {
	return slices.Contains(singleTables, key) || slices.Contains(repeatedTables, key)
}

func isString(node any) bool {
	kv, ok := node.(*ast.KeyValue)
	if !ok {
		return false
	}
	_, ok = kv.Value.(*ast.String)
	return ok
}

// isTime lets a reference to an environment variable pass: its value is not known here.
func isTime(node any) bool {
	if !isString(node) {
		return false
	}
	text := node.(*ast.KeyValue).Value.(*ast.String).Value
	_, err := time.ParseDuration(text)
	return err == nil || strings.Contains(text, "$")
}

func isStrings(node any) bool {
	kv, ok := node.(*ast.KeyValue)
	if !ok {
		return false
	}
	list, ok := kv.Value.(*ast.Array)
	return ok && !slices.ContainsFunc(list.Value, func(v ast.Value) bool {
		_, ok := v.(*ast.String)
		return !ok
	})
}

func isTable(node any) bool {
	_, ok := node.(*ast.Table)
	return ok
}

func isTables(node any) bool {
	_, ok := node.([]*ast.Table)
	return ok
}
