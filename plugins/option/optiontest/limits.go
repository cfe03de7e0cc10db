package optiontest

import (
	"errors"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/plugins/option"
)

// Plugin is a pointer to a plugin's options.
type Plugin interface {
	Init() error
	SampleConfig() string
}

// Limits wants each option that is a time, a size or a number to refuse what is far too much, and what is less than
// nothing, in one line that names it and what is allowed, and the sample configuration to state the most. New options
// cannot be forgotten: they are found by reflection. fresh is a plugin that is valid, with all tables and all that is
// optional in it. It returns how many options there are.
func Limits(t *testing.T, fresh func() Plugin) int {
	t.Helper()
	require.NoError(t, fresh().Init())
	said := comments(fresh().SampleConfig())
	var paths []string
	eachNumber(reflect.ValueOf(fresh()), "", func(path string, _ reflect.Value) { paths = append(paths, path) })
	for _, path := range paths {
		refused(t, fresh(), path, -1)
		most := upper.FindStringSubmatch(refused(t, fresh(), path, math.MaxInt64))
		require.NotNil(t, most, "the error of %s does not say how much is allowed", path)
		require.Contains(t, said[path], " to "+most[1], "sample.conf does not say how much of %s is allowed", path)
	}
	return len(paths)
}

// upper finds the most that an error allows.
var upper = regexp.MustCompile(`\bto ([0-9][0-9a-zA-Z]*)`)

// refused returns what is allowed.
func refused(t *testing.T, p Plugin, path string, n int64) string {
	t.Helper()
	eachNumber(reflect.ValueOf(p), "", func(found string, v reflect.Value) {
		switch {
		case found != path:
		case v.CanFloat():
			v.SetFloat(float64(n))
		default:
			v.SetInt(n)
		}
	})
	err := p.Init()
	e, ok := errors.AsType[*option.Error](err)
	require.True(t, ok, "%s = %d is accepted: %v", path, n, err)
	require.Equal(t, path, numbered.ReplaceAllString(e.Option, ""))
	require.NotEmpty(t, e.Value)
	require.NotContains(t, err.Error(), "\n")
	return e.Allowed
}

var numbered = regexp.MustCompile(`\[\d+\]`)

// eachNumber calls f for each option that is a number, with its name in the file. One that is deprecated has another's limits.
func eachNumber(v reflect.Value, prefix string, f func(path string, v reflect.Value)) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name := field.Tag.Get("toml")
			if !field.IsExported() || name == "-" || name == "" || field.Type == reflect.TypeFor[config.Secret]() || field.Tag.Get("deprecated") != "" {
				continue
			}
			eachNumber(v.Field(i), strings.TrimPrefix(prefix+"."+name, "."), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if v.Index(i).Kind() == reflect.Pointer {
				eachNumber(v.Index(i), prefix, f)
			}
		}
	case reflect.Int, reflect.Int64, reflect.Float64:
		f(prefix, v)
	}
}

var (
	tableLine  = regexp.MustCompile(`^\[+\w+\.\w+\.?(\w*)\]+$`)
	optionLine = regexp.MustCompile(`^(\w+) =`)
)

// comments are what a sample says above each option: the lines with two # since the last one with neither word nor option.
func comments(sample string) map[string]string {
	said, table, text := map[string]string{}, "", ""
	for line := range strings.Lines(sample) {
		line = strings.TrimSpace(line)
		bare := strings.TrimSpace(strings.TrimPrefix(line, "#"))
		if comment, ok := strings.CutPrefix(bare, "#"); ok {
			text += " " + strings.TrimSpace(comment)
			continue
		}
		if m := tableLine.FindStringSubmatch(bare); m != nil {
			table = m[1]
		}
		if m := optionLine.FindStringSubmatch(bare); m != nil {
			said[strings.TrimPrefix(table+"."+m[1], ".")] = text
		}
		if bare == "" {
			text = ""
		}
	}
	return said
}
