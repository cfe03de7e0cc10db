package decahose

import (
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/plugins/option"
)

// everything is an input with every table of which options have numbers, and valid.
func everything(t *testing.T) *Decahose {
	d := valid()
	d.Delivery, d.Push.URL = "acknowledged", "http://127.0.0.1:9186/x"
	d.StateDirectory = t.TempDir()
	d.Archives = []*Archive{{URL: t.TempDir()}}
	d.Audits = []*Audit{{Type: "file", Files: []string{filepath.Join(d.StateDirectory, "x")}}}
	return d
}

// TestEveryNumberHasLimits: each option that is a time, a size or a number refuses what is far too much, and what is less
// than nothing, in one line that names it. New options cannot be forgotten: they are found by reflection.
func TestEveryNumberHasLimits(t *testing.T) {
	require.NoError(t, everything(t).Init())
	var paths []string
	eachNumber(reflect.ValueOf(everything(t)), "", func(path string, _ reflect.Value) { paths = append(paths, path) })
	require.Greater(t, len(paths), 25)
	for _, path := range paths {
		for _, n := range []int64{math.MaxInt64, -1} {
			d := everything(t)
			d.setDependentDefaults() // of options that are pointers, too
			eachNumber(reflect.ValueOf(d), "", func(p string, v reflect.Value) {
				if p != path {
					return
				}
				if v.CanFloat() {
					v.SetFloat(float64(n))
				} else {
					v.SetInt(n)
				}
			})
			err := d.Init()
			oe, ok := errors.AsType[*option.Error](err)
			require.True(t, ok, "%s = %d is accepted: %v", path, n, err)
			require.Equal(t, path, strings.Replace(oe.Option, "archive[1]", "archive", 1))
			require.NotEmpty(t, oe.Value)
			require.NotContains(t, err.Error(), "\n")
		}
	}
}

// eachNumber calls f for each option that is a number, with its name in the file.
func eachNumber(v reflect.Value, prefix string, f func(path string, v reflect.Value)) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name := field.Tag.Get("toml")
			if !field.IsExported() || name == "-" || field.Type == reflect.TypeFor[config.Secret]() || name == "" {
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
