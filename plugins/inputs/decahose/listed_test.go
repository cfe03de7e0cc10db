package decahose

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/influxdata/telegraf/plugins/common/proxy"
	"github.com/influxdata/telegraf/plugins/common/tls"
	"github.com/stretchr/testify/require"
)

// heading is the beginning of a table of sample.conf, in a comment or not.
var heading = regexp.MustCompile(`(?m)^ *#? *\[\[?inputs\.decahose(?:\.(\w+))?\]\]?$`)

// listed are the options of sample.conf by table; the input's own is "".
func listed(sample string) map[string]string {
	tables, at := map[string]string{}, heading.FindAllStringSubmatchIndex(sample, -1)
	for i, m := range at {
		end, name := len(sample), ""
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if m[2] >= 0 {
			name = sample[m[2]:m[3]]
		}
		tables[name] += sample[m[0]:end]
	}
	return tables
}

// Each option there is stands in sample.conf, in its table, and README.md shows sample.conf as it is.
func TestEveryOptionIsListed(t *testing.T) {
	tables := listed(sampleConfig)
	foreign := map[reflect.Type]bool{reflect.TypeFor[tls.ClientConfig](): true, reflect.TypeFor[proxy.HTTPProxy](): true}
	var walk func(table string, of reflect.Type)
	walk = func(table string, of reflect.Type) {
		for f := range of.Fields() {
			name := f.Tag.Get("toml")
			of := f.Type
			for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			switch {
			case foreign[of]: // Telegraf's own text stands for them
			case name == "" || name == "-" || f.Tag.Get("deprecated") != "":
			case of.Kind() == reflect.Struct && of.PkgPath() == reflect.TypeFor[Decahose]().PkgPath():
				require.Contains(t, tables, name)
				walk(name, of)
			default:
				require.Regexp(t, `(?m)^[ #]*`+name+` =`, tables[table], "option %s of table %q", name, table)
			}
		}
	}
	walk("", reflect.TypeFor[Decahose]())
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "\n"+strings.TrimSpace(sampleConfig)+"\n```")
}
