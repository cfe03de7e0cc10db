package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/influxdata/telegraf/models"
	"github.com/influxdata/toml/ast"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/plugins/option"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

const OutputName = "decahose_archive"

// checkOutput refuses what Telegraf's loader takes for every output: filters, names, buffers and times are applied by the
// outputs.execd that runs us, and would be passed over here.
func (d document) checkOutput(t *ast.Table) error {
	for _, key := range slices.Sorted(maps.Keys(t.Fields)) {
		_, ours := outputOption(key)
		switch {
		case key == "alias" || key == "log_level":
			if err := commonType(key, t.Fields[key], isString, "a quoted string"); err != nil {
				return err
			}
		case !ours && knownToTelegraf(key):
			return fmt.Errorf("line %d: option %q has no effect here: it belongs to the [[outputs.execd]] in Telegraf's own configuration",
				line(t.Fields[key]), key)
		}
	}
	return nil
}

func outputOption(key string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[decahose_archive.Archive]()) {
		if f.Tag.Get("toml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func knownToTelegraf(key string) bool {
	return slices.Contains(slices.Concat(passedOver, commonTimes, commonStrings, commonLists, commonTables, outputCommon), key)
}

// outputCommon are what Telegraf's loader reads for every output, beyond what it reads for every input.
var outputCommon = []string{"flush_interval", "flush_jitter", "metric_batch_size", "metric_buffer_limit", "metricpass"}

// firstOutput is "line N: " of the output's table.
func (d document) firstOutput() string {
	if t := d.outputs(); len(t) > 0 {
		return fmt.Sprintf("line %d: ", t[0].Line)
	}
	return ""
}

// whereOutput is "line N: " of an option of the output.
func (d document) whereOutput(option string) string {
	if t := d.outputs(); len(t) > 0 {
		return whereIn(t[0], option, "outputs."+OutputName)
	}
	return ""
}

func (s *File) initOutput(log *process.Log) error {
	level, err := levelOf(s.Output.Config.LogLevel)
	if err != nil {
		return fmt.Errorf("%s: %s%w", s.Path, s.doc.whereOutput("log_level"), err)
	}
	models.SetLoggerOnPlugin(s.Output.Output, process.NewPluginLog(log, level, s.Output.LogName()))
	err = s.Output.Init()
	if oe, ok := errors.AsType[*option.Error](err); ok {
		return fmt.Errorf("%s: %s%w", s.Path, s.doc.whereOutput(oe.Option), oe)
	}
	return err
}
