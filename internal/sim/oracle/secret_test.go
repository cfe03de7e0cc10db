package oracle

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
)

// TestNoCredentialIsWritten: with them X was asked for the stream and for Replay, over a kill and an outage; neither state nor
// spool nor output nor log holds them, in clear or as they go over the wire.
func TestNoCredentialIsWritten(t *testing.T) {
	const user, password = "us3r-of-n0body", "p4ss-of-n0body"
	server := replayServer(t, "outage@2m,for=9m")
	server.Username, server.Password = user, password
	dir := t.TempDir()
	o := play(t, Run{Server: server, Core: func(c *core.Config) { replay(c) }, Offer: 22 * time.Minute, Dir: dir,
		Stream: func(s *stream.Options) { s.Credentials = func() (string, string, error) { return user, password, nil } },
		Lives:  []Life{{For: 90 * time.Second, Kill: true, Down: 2 * time.Second}}})
	o.sound(t)
	require.NotEmpty(t, o.Requests)
	hidden := func(what string, text []byte) {
		for _, secret := range []string{user, password, "dXMzci1vZi1uMGJvZHk6cDRzcy1vZi1uMGJvZHk="} {
			require.False(t, bytes.Contains(text, []byte(secret)), "%s holds %s", what, secret)
		}
	}
	hidden("output", o.Lines)
	hidden("log", []byte(strings.Join(o.Notes, "\n")))
	files := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		hidden(path, text)
		return err
	}))
	require.Greater(t, files, 2)
}
