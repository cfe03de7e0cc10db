//go:build unix

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

// A connection is cut, a gap opens, is asked for and filled. The recording of it is decided again as it was, says so in these
// words, holds nothing that is not for others, and becomes a script.
func TestIncidentIsDecidedAgain(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 31})
	dir := filepath.Join(s.dir, "recordings")
	a := s.run("a", s.stream("connections = 1", "[inputs.decahose.debug]", fmt.Sprintf("record_directory = %q", dir)))
	s.pass(4 * pace)
	require.NoError(t, s.sim.Cut(1, -1, decasim.ModeRST))
	a.become("1", "recovered")
	a.stop()
	files, err := filepath.Glob(filepath.Join(dir, "*"+recording.Suffix))
	require.NoError(t, err)
	require.Len(t, files, 1)
	said := replayOf(t, files[0])
	for _, want := range []string{
		`p1\.c0 ended \(reset\): gap of partition 1 from \S+, 1 minute: opened \(reset\)`,
		`state stored: connect p1\.c0 with 1 minute of backfill`,
		`p1\.c0 got its header: gap of partition 1 from \S+, 1 minute: asked for \(reset\) \[partition 1 connection 0: connected again`,
		`gap of partition 1 from \S+, 1 minute: filled by backfill, \d+ Tweets`,
		`# \d+ events; each was decided as it was then\.`,
	} {
		at := regexp.MustCompile(want).FindStringIndex(said)
		require.NotNil(t, at, "%s is not in, or not behind the others in\n%s", want, replayOf(t, files[0]))
		said = said[at[1]:]
	}
	script := replayOf(t, files[0], "-script")
	for _, want := range []string{"\nended p1.c0 class=reset", " connect p1.c0 backfill=1\n", "state=recovered cause=reset filled_by=backfill"} {
		require.Contains(t, script, want)
	}
}

func replayOf(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), built.plugin, append([]string{"replay"}, args...)...)
	c.Env = []string{} // no configuration, no credentials
	var errors strings.Builder
	c.Stderr = &errors
	out, err := c.Output()
	require.NoError(t, err, errors.String())
	return string(out)
}
