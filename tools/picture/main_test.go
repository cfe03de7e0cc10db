package main

import (
	"encoding/xml"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// The picture in the documents is that of the tree.
func TestPictureIsFresh(t *testing.T) {
	t.Chdir("../..")
	require.NoError(t, run(".", true))
}

func file(imports ...string) *fstest.MapFile {
	var text strings.Builder
	text.WriteString("package x\n")
	for _, i := range imports {
		text.WriteString(`import "` + module + i + "\"\n")
	}
	return &fstest.MapFile{Data: []byte(text.String())}
}

func TestRead(t *testing.T) {
	groups, err := read(fstest.MapFS{
		"cmd/a/main.go":                file("plugins/b", "internal/top", "internal/low/x"),
		"plugins/b/b.go":               file("internal/top"),
		"internal/top/t.go":            file("internal/low/x", "internal/low/y"),
		"internal/top/t_test.go":       file("internal/sim"),
		"internal/low/x/x.go":          file(),
		"internal/low/y/y.go":          file("internal/low/x"),
		"internal/testing/rules/r.go":  file("internal/top"),
		"tools/t.go":                   file("internal/top"),
		".cache/internal/top/other.go": file("cmd/a"),
	})
	require.NoError(t, err)
	require.Equal(t, []*group{
		{"cmd", []string{"cmd/a"}, []string{"plugins"}, 3},
		{"plugins", []string{"plugins/b"}, []string{"internal/top"}, 2},
		{"internal/top", []string{"internal/top"}, []string{"internal/low"}, 1},
		{"internal/low", []string{"internal/low/x", "internal/low/y"}, nil, 0},
	}, groups)
	require.NoError(t, xml.Unmarshal(draw(groups), new(struct{})))
}

// A box of the group that is imported lies below that of the importer.
func TestPlace(t *testing.T) {
	boxes, width, height := place([]*group{{name: "a", level: 1}, {name: "b"}, {name: "c"}})
	require.Greater(t, boxes["b"].y, boxes["a"].y+boxes["a"].height)
	require.Equal(t, boxes["b"].y, boxes["c"].y)
	require.Greater(t, boxes["c"].x, boxes["b"].x+boxWidth)
	require.Greater(t, width, boxes["c"].x+boxWidth)
	require.Greater(t, height, boxes["c"].y+boxes["c"].height)
}
