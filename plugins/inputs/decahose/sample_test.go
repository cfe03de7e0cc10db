package decahose

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/influxdata/toml"
	"github.com/stretchr/testify/require"
)

// documented are the options of a sample, by table: "" is the input itself, "push" the table [inputs.decahose.push]. The
// value is what stands behind the equals sign, empty where it says nothing.
func documented(sample string) map[string]map[string]string {
	table := regexp.MustCompile(`^ *#? *\[+inputs\.decahose\.?([a-z_.]*)\]+`)
	option := regexp.MustCompile(`^[ #]*([a-z_]+) =(.*)$`)
	all, at := map[string]map[string]string{"": {}}, ""
	for line := range strings.Lines(sample) {
		if strings.Contains(line, "##") {
			continue
		}
		line = strings.TrimSuffix(line, "\n")
		if m := table.FindStringSubmatch(line); m != nil {
			at = m[1]
			if all[at] == nil {
				all[at] = map[string]string{}
			}
		} else if m := option.FindStringSubmatch(line); m != nil {
			all[at][m[1]] = strings.TrimSpace(m[2])
		}
	}
	return all
}

// options are those of a type, by table, as its toml tags say; the value is the field's in v.
func options(v reflect.Value, table string, all map[string]map[string]reflect.Value) {
	if all[table] == nil {
		all[table] = map[string]reflect.Value{}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		switch {
		case f.Anonymous && name == "" && table != "": // those of TLS: the sample refers to the input's own
		case f.Anonymous && name == "":
			options(v.Field(i), table, all)
		case name == "" || name == "-" || f.Tag.Get("deprecated") != "":
		case inner.Kind() == reflect.Struct && strings.HasSuffix(inner.PkgPath(), "inputs/decahose"):
			options(reflect.New(inner).Elem(), strings.TrimPrefix(table+"."+name, "."), all)
		default:
			all[table][name] = v.Field(i)
		}
	}
}

// Every option is in sample.conf, in its table, and that names none that there is not. README.md shows it as it is.
func TestEveryOptionIsDocumented(t *testing.T) {
	all := map[string]map[string]reflect.Value{}
	options(reflect.ValueOf(newDecahose()).Elem(), "", all)
	require.Greater(t, len(all[""]), 40)
	require.Greater(t, len(all), 4)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "\n"+strings.TrimSpace(sampleConfig)+"\n```")
	told := documented(sampleConfig)
	for table, names := range all {
		for option := range names {
			require.Contains(t, told[table], option, "table %q", table)
		}
	}
	for table, names := range told {
		for option := range names {
			if table == "" || !strings.HasPrefix(option, "tls_") {
				require.Contains(t, all[table], option, "table %q", table)
			}
		}
	}
}

// The value that sample.conf shows for an option of the input is its default, unless it is an example.
func TestSampleShowsDefaults(t *testing.T) {
	examples := map[string]bool{"account": true, "stream_label": true, "username": true, "password": true, "username_file": true, "password_file": true,
		"state_directory": true, "recovery_horizon": true, "recovery_jobs": true, "max_undelivered": true, "tweet_fields": true}
	all := map[string]map[string]reflect.Value{}
	want := newDecahose()
	options(reflect.ValueOf(want).Elem(), "", all)
	compared := 0
	for option, value := range documented(sampleConfig)[""] {
		if examples[option] || value == "" || strings.HasPrefix(option, "tls_") || strings.HasPrefix(option, "insecure") || strings.Contains(option, "proxy") {
			continue
		}
		got := new(Decahose)
		require.NoError(t, toml.Unmarshal([]byte(option+" = "+value), got), option)
		mine := map[string]map[string]reflect.Value{}
		options(reflect.ValueOf(got).Elem(), "", mine)
		require.Equal(t, all[""][option].Interface(), mine[""][option].Interface(), option)
		compared++
	}
	require.Greater(t, compared, 25)
}
