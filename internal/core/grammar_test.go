package core

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"
)

// The grammar of scripts names each verb and each argument of start that a script uses.
func TestScriptGrammar(t *testing.T) {
	readme, err := os.ReadFile("testdata/README.md")
	require.NoError(t, err)
	named := func(word string) bool {
		return regexp.MustCompile("[`, ]" + regexp.QuoteMeta(word) + "[`= ]").Match(readme)
	}
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	for _, path := range paths {
		datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
			for _, a := range d.CmdArgs {
				require.True(t, named(a.Key), "%s: %q is not in testdata/README.md", d.Pos, a.Key)
			}
			for line := range strings.SplitSeq(d.Input, "\n") {
				words := strings.Fields(line)
				if len(words) > 0 && words[0][0] == '+' {
					words = words[1:]
				}
				if len(words) > 0 && words[0][0] != '#' {
					require.True(t, named(words[0]), "%s: %q is not in testdata/README.md", d.Pos, words[0])
				}
			}
			return d.Expected
		})
	}
}
