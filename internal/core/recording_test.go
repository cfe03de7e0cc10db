package core_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/recording/replay"
)

// told is a story whose processes are recorded, each in a directory of its own.
type told struct {
	t    *testing.T
	dirs []string
	rec  *recording.Recorder // of the process that runs, nil: none does
	wg   sync.WaitGroup
}

func (s *told) begins(c core.Config) {
	s.end()
	dir := filepath.Join(s.t.TempDir(), "recordings")
	rec, err := recording.New(recording.Config{Directory: dir, Limit: 64 << 20, Program: "test", Say: func(_ byte, text string) { s.t.Error(text) }})
	require.NoError(s.t, err)
	s.rec, s.dirs = rec, append(s.dirs, dir)
	s.wg.Go(rec.Run)
	rec.Begins(c)
}

func (s *told) stepped(now time.Time, ev core.Event, out *core.Ready) {
	s.rec.Stepped(now, ev, out)
	if ev.Kind == core.Tick {
		synctest.Wait() // for the disk
	}
}

func (s *told) end() {
	if s.rec != nil {
		s.rec.Close()
		s.wg.Wait()
		require.NoError(s.t, s.rec.Release())
		s.rec = nil
	}
}

// recorded are the recordings of a random story, one of each process.
func recorded(t *testing.T, seed uint64) (bodies [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		s := &told{t: t}
		core.TellStory(t, seed, s.begins, s.stepped)
		s.end()
		for _, dir := range s.dirs {
			found, err := filepath.Glob(filepath.Join(dir, "*"+recording.Suffix))
			require.NoError(t, err)
			require.Len(t, found, 1)
			body, err := os.ReadFile(found[0])
			require.NoError(t, err)
			bodies = append(bodies, body)
		}
	})
	return bodies
}

// Whatever happens, with restarts, crashes, requests, archives, orders and trouble: each process's recording is decided again as
// it was, and the script that is made of it passes as it is.
func TestRecordings(t *testing.T) {
	stories, commands := uint64(4), 0 // with one connection or two to each partition, with an archive or without
	if testing.Short() {
		stories = 2
	}
	for seed := range stories {
		for k, body := range recorded(t, seed) {
			name := strconv.FormatUint(seed, 10) + "_" + strconv.Itoa(k)
			t.Run("decided/"+name, func(t *testing.T) { requireDecidedAgain(t, body) })
			t.Run("script/"+name, func(t *testing.T) { commands += requireScript(t, body) })
		}
	}
	require.Greater(t, commands, 10)
}

func requireDecidedAgain(t *testing.T, body []byte) {
	file, err := recording.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	s, err := replay.Play(file, func(*replay.Played) {})
	require.NoError(t, err)
	require.Positive(t, s.Steps)
	require.Zero(t, s.Differ, "from %v on", s.First)
}

// requireScript returns how many connections and requests the script has.
func requireScript(t *testing.T, body []byte) int {
	file, err := recording.NewReader(bytes.NewReader(body))
	require.NoError(t, err)
	var script bytes.Buffer
	require.NoError(t, replay.Script(file, &script))
	path := filepath.Join(t.TempDir(), "incident.txt")
	require.NoError(t, os.WriteFile(path, script.Bytes(), 0o600))
	core.PlayScript(t, path)
	return bytes.Count(script.Bytes(), []byte("\nopened ")) + bytes.Count(script.Bytes(), []byte("\nreplay "))
}
