package release

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestVersionOfTheBuild(t *testing.T) {
	telegraf := debug.Module{Path: "github.com/influxdata/telegraf", Version: "v1.39.3"}
	ours := func(version string) debug.Module { return debug.Module{Path: module, Version: version} }
	one := ours("v1.2.3")
	require.Equal(t, "v1.2.3", recorded(&debug.BuildInfo{Main: one, Deps: []*debug.Module{&telegraf}}))
	require.Equal(t, "v1.2.3", recorded(&debug.BuildInfo{Main: telegraf, Deps: []*debug.Module{&one}}))
	require.Equal(t, listed, recorded(&debug.BuildInfo{Main: telegraf}))
	for version, shown := range map[string]string{
		"": listed, "(devel)": listed, "v1.2.4-0.20261130012023-df2f427abcde": "v1.2.4-0.20261130012023-df2f427abcde",
		"v0.0.0-20261130012023-df2f427abcde": listed + "+df2f427abcde", "v0.0.0-20261130012023-df2f427abcde+dirty": listed + "+df2f427abcde.dirty",
	} {
		require.Equal(t, shown, recorded(&debug.BuildInfo{Main: ours(version)}), version)
	}
	require.NotEmpty(t, Version())
}

func TestLinkedVersionWins(t *testing.T) {
	linked = "v9"
	defer func() { linked = "" }()
	require.Equal(t, "v9", Version())
}

var (
	section = regexp.MustCompile(`(?m)^## (.+)$`)
	version = regexp.MustCompile(`^\[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d\d-\d\d)$`)
	group   = regexp.MustCompile(`(?m)^### (.+)$`)
)

// The topmost version of the changelog is that of the program; the others have dates, newest first.
func TestChangelog(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "CHANGELOG.md"))
	require.NoError(t, err)
	last := "9999-12-31"
	for i, s := range section.FindAllStringSubmatch(string(page), -1) {
		m := version.FindStringSubmatch(s[1])
		require.NotNil(t, m, "## %s is not [1.2.3] - 2006-01-02, nor unreleased", s[1])
		want := m[1]
		if m[2] == "unreleased" {
			require.Zero(t, i, "%s is unreleased, and older than another", m[1])
			want += "-dev"
		} else {
			_, err := time.Parse(time.DateOnly, m[2])
			require.NoError(t, err)
			require.LessOrEqual(t, m[2], last)
			last = m[2]
		}
		if i == 0 {
			require.Equal(t, want, listed, "internal/release says another version than CHANGELOG.md")
		}
	}
	for _, m := range group.FindAllStringSubmatch(string(page), -1) {
		require.Contains(t, []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}, m[1])
	}
}
