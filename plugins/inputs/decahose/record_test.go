package decahose

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/recording"
	"github.com/decahose/telegraf-decahose/internal/recording/replay"
)

// A stream is recorded from its start to its stop, without its names and credentials, and is decided again as it was. Without a
// directory that can be used it goes on unrecorded.
func TestRecorded(t *testing.T) {
	for name, directory := range map[string]func(t *testing.T) string{
		"made":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "recordings") },
		"a file": func(t *testing.T) string { return filepath.Join(t.TempDir(), "x", "..", "file") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := directory(t)
			if name == "a file" {
				require.NoError(t, os.WriteFile(dir, nil, 0o600))
			}
			sim, url := simulated(t)
			t.Run("life", func(t *testing.T) {
				readingWith(t, url, func(d *Decahose) { d.Debug.RecordDirectory = dir })
				require.Eventually(t, func() bool { return len(sim.SentIDs()) > 50 }, 20*time.Second, 5*time.Millisecond)
			})
			files, err := filepath.Glob(filepath.Join(dir, "*"+recording.Suffix))
			require.NoError(t, err)
			if name == "a file" {
				require.Empty(t, files)
				return
			}
			require.Len(t, files, 1)
			body, err := os.ReadFile(files[0])
			require.NoError(t, err)
			for _, secret := range []string{debugUser, debugPassword, "prod", "demo", url} {
				require.NotContains(t, string(body), secret)
			}
			file, err := recording.NewReader(bytes.NewReader(body))
			require.NoError(t, err)
			s, err := replay.Play(file, func(*replay.Played) {})
			require.NoError(t, err)
			require.Positive(t, s.Steps)
			require.Zero(t, s.Differ)
			require.False(t, file.Cut())
		})
	}
}
