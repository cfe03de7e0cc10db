//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// operate runs a command of the binary beside the agent's plugin, and reads the JSON that it prints.
func (s *stage) operate(agent string, into any, command string, args ...string) {
	s.Helper()
	args = append([]string{command, "-config", filepath.Join(s.dir, agent+".plugin.conf"), "-json"}, args...)
	cmd := exec.CommandContext(s.within(60*time.Second), built.plugin, args...)
	cmd.Env = append(os.Environ(), "STATE_DIRECTORY="+s.state(agent))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(s, err, "%s: %s%s", command, out, stderr.String())
	require.NoError(s, json.Unmarshal(out, into), "%s: %s", command, out)
}

// What the commands print, as far as it is looked at.
type (
	gapList struct {
		Streams []struct {
			Running bool
			Gaps    []gapEntry
		}
	}
	gapEntry struct {
		Partition int
		From, To  time.Time
		State     string
		Dark      bool
		NextStep  string `json:"next_step"`
	}
	minuteList struct {
		Streams []struct {
			Minutes []struct {
				Partition int
				Minute    time.Time
				State     string
				Unique    int64
			}
		}
	}
	report struct {
		Streams []struct {
			IDs, Bad int64
		}
	}
	wish struct{ Minutes, Recovered, Lost, Missing int }
)

// stamp is a time as commands take it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04Z") }

// An operator has two minutes of the past asked for, while the plugin runs.
func TestOperatorRecovers(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 14, ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: -1})
	a := s.run("a", s.stream(fmt.Sprintf("replay_url = %q", s.url), `recovery_delay = "0s"`))
	s.pass(2 * pace)
	from := time.Now().Add(-20 * time.Minute).Truncate(time.Minute)
	to := from.Add(2 * time.Minute)

	var w wish
	s.operate("a", &w, "recover", "-from", stamp(from), "-to", stamp(to))
	require.Equal(t, wish{Minutes: 4, Recovered: 4}, w) // of two partitions
	require.Len(t, s.sim.Requests(), 1)
	r := s.sim.Requests()[0]
	require.Equal(t, []any{"replay", 200, from.UTC(), to.UTC()}, []any{r.Kind, r.Status, r.From, r.To})

	var gaps gapList
	s.operate("a", &gaps, "gaps", "-all")
	require.True(t, gaps.Streams[0].Running)
	var filled time.Duration // on a busy machine the first minute is filled before the second, and is an entry of its own
	for _, g := range gaps.Streams[0].Gaps {
		require.Equal(t, "recovered", g.State)
		filled += g.To.Sub(g.From)
	}
	require.Equal(t, 2*to.Sub(from), filled)
	var minutes minuteList
	s.operate("a", &minutes, "minutes", "-from", stamp(from), "-to", stamp(to))
	sum := int64(0)
	for _, m := range minutes.Streams[0].Minutes {
		sum += m.Unique
	}
	ids := a.ids()
	n := int64(0)
	for tweet := range world.Tweets(s.src, from, to) {
		if !s.sim.Gone(tweet.ID) {
			require.Equal(t, 1, ids[int64(tweet.ID)], "%d", tweet.ID)
			n++
		}
	}
	require.Equal(t, n, sum)
	var v report
	s.operate("a", &v, "verify")
	require.Zero(t, v.Streams[0].Bad)
	require.GreaterOrEqual(t, v.Streams[0].IDs, n)

	s.operate("a", &w, "recover", "-from", stamp(from), "-to", stamp(to)) // whatever is known of them
	require.Len(t, s.sim.Requests(), 2)
	require.Equal(t, wish{Minutes: 4, Recovered: 4}, w)
	s.settle(a)
	a.stop()
	for id, n := range a.ids() {
		require.Equal(t, 1, n, "%d came by both requests", id)
	}
}

// A store lost two minutes: an operator has their Tweets again, each once more, and no others.
func TestOperatorEmitsAgain(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 16, ReplayDelay: -1, ReplayLimit: -1, ReplaySpeed: -1})
	a := s.run("a", s.stream(fmt.Sprintf("replay_url = %q", s.url), `recovery_delay = "0s"`))
	s.pass(2 * pace)
	from := time.Now().Add(-20 * time.Minute).Truncate(time.Minute)
	to := from.Add(2 * time.Minute)
	var w wish
	s.operate("a", &w, "recover", "-from", stamp(from), "-to", stamp(to))
	require.Equal(t, wish{Minutes: 4, Recovered: 4}, w)
	again := map[int64]bool{}
	for id := range a.ids() {
		if at := identity(id); !at.Before(from) && at.Before(to) {
			again[id] = true
		}
	}
	require.NotEmpty(t, again)
	s.settle(a)

	s.operate("a", &w, "recover", "-from", stamp(from), "-to", stamp(to), "-emit-again")
	require.Equal(t, wish{Minutes: 4, Recovered: 4}, w)
	require.Len(t, s.sim.Requests(), 2)
	s.settle(a)
	a.stop()
	for id, n := range a.ids() {
		want := 1
		if again[id] {
			want = 2
		}
		require.Equal(t, want, n, "%d", id)
	}
}

// Replay was not bought: that is said once, the gap stays until the operator gives it up, and live Tweets go on.
func TestReplayNotBought(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 15, ReplayStatus: 403, ReplayDelay: -1, Source: world.New(world.Config{Seed: 15, Rate: 20})})
	at := s.leavePast("a", 9*time.Minute)
	a := s.run("a", s.stream(fmt.Sprintf("replay_url = %q", s.url), `recovery_delay = "0s"`))
	require.NoError(t, a.Log.Wait(s.within(2*time.Minute), "E! [inputs.execd]", "replay", "403"))
	pid := a.plugin()
	var gaps gapList
	require.True(t, env.Until(s.within(45*time.Second), func() bool {
		s.operate("a", &gaps, "gaps")
		return !slices.ContainsFunc(gaps.Streams[0].Gaps, func(g gapEntry) bool { return g.Dark })
	}), "the end of the outage is not known: %v", gaps)
	require.Len(t, gaps.Streams[0].Gaps, 2)
	for _, g := range gaps.Streams[0].Gaps {
		require.True(t, g.From.Equal(at.Truncate(time.Minute)), g.From)
		require.NotEmpty(t, g.NextStep)
	}
	var w wish
	s.operate("a", &w, "forget", "-yes", "-from", stamp(at), "-to", stamp(at.Add(2*time.Minute)))
	require.Equal(t, wish{Minutes: 4, Lost: 4}, w)
	s.operate("a", &gaps, "gaps")
	for _, g := range gaps.Streams[0].Gaps {
		require.True(t, g.From.Equal(at.Add(2*time.Minute).Truncate(time.Minute)), "what was not given up stays")
	}
	a.become("1", "lost")
	require.Equal(t, pid, a.plugin(), "a restart does not help")
	require.Equal(t, 1, a.Log.Count("E! [inputs.execd]"), a.Log.Text())
	s.settle(a)
	a.stop()
	require.True(t, a.hasAll(s.sim.OfferedIDs()))
	require.EqualValues(t, 4, a.last("decahose_stream").Int("minutes_lost"))
	require.Positive(t, a.last("decahose_stream").Int("gaps_open"))
}

// refused starts the plugin alone, which must end with one line about its state directory.
func (s *stage) refused(stateDirectory string, says ...string) {
	s.Helper()
	conf := filepath.Join(s.T.TempDir(), "plugin.conf")
	require.NoError(s, os.WriteFile(conf, []byte(s.stream(fmt.Sprintf("state_directory = %q", stateDirectory))), 0o600))
	p, err := env.Start([]string{built.plugin, "-config", conf}, login("demo"), nil)
	require.NoError(s, err)
	defer p.Kill()
	select {
	case <-p.Done():
	case <-s.within(15 * time.Second).Done():
	}
	require.Equal(s, 2, p.ExitCode(), p.Log.Text())
	require.Len(s, p.Log.Lines(), 1)
	require.Equal(s, 1, p.Log.Count(append(says, "E! ", "state_directory", stateDirectory)...), p.Log.Text())
}

// contents are all bytes below a directory, by path.
func (s *stage) contents(dir string) map[string]string {
	s.Helper()
	all := map[string]string{}
	require.NoError(s, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	}))
	return all
}

// A state directory that cannot be used ends the process before it connects, with one line that says why.
func TestStateDirectoryThatCannotBeUsed(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 16})
	file := filepath.Join(s.dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s.refused(file, "directory")
	s.refused(filepath.Join(file, "below"), "directory")
	s.refused("/proc/decahose", "created")

	newer := s.state("newer")
	s.leavePast("newer", time.Minute)
	s.writeVersion(filepath.Join(newer, "demo_sample10_prod", "ledger.db"), 99)
	before := s.contents(newer)
	s.refused(newer, "version")
	require.Equal(t, before, s.contents(newer), "it was touched")
	require.Empty(t, s.sim.OfferedIDs(), "nobody may have connected")

	a := s.run("a", s.stream())
	s.pass(pace)
	s.refused(s.state("a"), "no other process")
	s.pass(2 * pace)
	s.settle(a)
	a.stop()
	s.requireExact(s.sim.OfferedIDs(), a.landed())
}

// writeVersion makes a ledger one of another version: SQLite's user version, and our application id with it.
func (s *stage) writeVersion(path string, version byte) {
	s.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(s, err)
	for at, b := range map[int64][]byte{60: {0, 0, 0, version}, 68: {0xde, 0xca, 0, version}} {
		_, err := f.WriteAt(b, at)
		require.NoError(s, err)
	}
	require.NoError(s, f.Close())
}
