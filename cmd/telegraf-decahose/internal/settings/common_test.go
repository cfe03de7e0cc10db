package settings

import (
	"reflect"
	"testing"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/outputs/decahose_archive"
)

// A table of the input that is new is known here without more; these are those of today.
func TestTablesOfTheInput(t *testing.T) {
	require.ElementsMatch(t, []string{"push", "feedback", "debug"}, singleTables)
	require.ElementsMatch(t, []string{"route", "archive", "audit"}, repeatedTables)
}

// No option that may refer to a secret store is forgotten in the list of them.
func TestSecretsAreAll(t *testing.T) {
	all := append(secretsOf(reflect.TypeFor[decahose.Decahose](), ""), secretsOf(reflect.TypeFor[decahose_archive.Archive](), "")...)
	require.ElementsMatch(t, all, secrets)
}

func secretsOf(plugin reflect.Type, table string) (names []string) {
	for _, f := range reflect.VisibleFields(plugin) {
		name := f.Tag.Get("toml")
		if name == "" || name == "-" {
			continue
		}
		if f.Type == reflect.TypeFor[config.Secret]() {
			names = append(names, table+name)
		} else if inner, _, ok := tableType(f.Type); ok && table == "" {
			names = append(names, secretsOf(inner, name+".")...)
		}
	}
	return names
}
