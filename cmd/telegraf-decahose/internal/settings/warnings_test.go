package settings

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
)

// What nothing acts on is told.
func TestIneffectiveOptions(t *testing.T) {
	text := clitest.Valid + "interval = \"1s\"\ndedup_window = \"${DECAHOSE_TEST_UNSET}\"\n[agent]\n  interval = \"1s\"\n"
	s := &File{doc: parseDocument([]byte(text))}
	require.Equal(t, []string{
		"line 8: [agent] has no effect here: it belongs into Telegraf's own configuration",
		`line 6: option "interval" has no effect here: it belongs to the [[inputs.execd]] in Telegraf's own configuration`,
		`line 7: environment variable DECAHOSE_TEST_UNSET is not set, so the option holds the reference itself`,
	}, s.Warnings())
}

func TestOptionsOutsideATable(t *testing.T) {
	require.EqualError(t, parseDocument([]byte("interval = \"1s\"\naccount = \"a\"\n"+clitest.Valid)).loose(),
		`line 1: option "interval" stands outside a table: it must stand below [[inputs.decahose]]`)
	require.ErrorContains(t, parseDocument([]byte("url = \"/a\"\n[[outputs.decahose_archive]]\n")).loose(), "below [[outputs.decahose_archive]]")
	require.NoError(t, parseDocument([]byte(clitest.Valid)).loose())
}
