//go:build linux

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
)

// -check says what it proved and what it did not.
func TestCheckSaysWhatItProves(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, "http://127.0.0.1:1"), "-check").collect()
	c.exits(process.ExitStopped, patience)
	c.waitFor("the verdict", func() bool { return strings.HasSuffix(c.lines.String(), "configuration ok\n") })
	for _, want := range []string{
		`stream "prod": checked: this file, the files that it names, and that state can be kept in /`,
		`stream "prod": not checked: whether outputs take Tweets`,
		`stream "prod": not checked: whether X takes user name, password, account and label; -check -connect asks it`,
	} {
		require.Contains(t, c.lines.String(), want)
	}
	require.Empty(t, c.stderr.String())
}

func TestCheckConnects(t *testing.T) {
	empty := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(empty.Close)
	for name, test := range map[string]struct {
		url, more string
		rc        int
		want      string
	}{
		"let in":       {oneTweet(t).URL, "", process.ExitStopped, "let us in, and its stream came after"},
		"wrong login":  {oneTweet(t).URL, "#", process.ExitFailure, "http_401"},
		"nobody there": {"http://127.0.0.1:1", "", process.ExitFailure, "connect"},
		"no stream":    {empty.URL, "", process.ExitFailure, "what answers is no stream"},
	} {
		t.Run(name, func(t *testing.T) {
			path := configure(t, test.url, test.more)
			if test.more == "#" {
				conf, err := os.ReadFile(path)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(conf), `"pass"`, `"other"`, 1)), 0o600))
			}
			c := spawn(t, nil, "-config", path, "-check", "-connect").collect()
			c.exits(test.rc, patience)
			c.waitFor(test.want, func() bool { return strings.Contains(c.lines.String()+c.stderr.String(), test.want) })
			require.Equal(t, test.rc == process.ExitStopped, strings.Contains(c.lines.String(), "configuration ok"))
			clitest.RequireLogLines(t, c.stderr.String())
		})
	}
}

// What a shell lacks of the service's environment is named, with the line that has it; a password never.
func TestCheckHintsAtTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.conf")
	conf := strings.Replace(strings.Replace(clitest.Valid, "  username = \"user\"\n", "", 1), `"SECRET"`, `"a$SECRET"`, 1) +
		"  [[inputs.decahose.audit]]\n  type = \"postgresql\"\n  dsn = \"postgres://u:${DECAHOSE_TEST_UNSET}@h/d\"\n"
	require.NoError(t, os.WriteFile(path, []byte(conf), 0o600))
	c := spawn(t, []string{"DECAHOSE_USERNAME="}, "-config", path, "-check").collect()
	c.exits(process.ExitUsage, patience)
	require.Contains(t, c.stderr.String(), "I! DECAHOSE_TEST_UNSET, DECAHOSE_USERNAME are not set here; to have the environment of the service: sudo systemd-run ")
	require.Contains(t, c.stderr.String(), " -config "+path+" -check\n")
	require.Equal(t, 1, strings.Count(c.stderr.String(), "E! "))
	require.NotContains(t, c.stderr.String(), "SECRET")
	clitest.RequireLogLines(t, c.stderr.String())
}

// What nothing acts on is told before the check.
func TestCheckWarns(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "x.conf")
	require.NoError(t, os.WriteFile(conf, []byte(clitest.Valid+"  interval = \"1s\"\n[agent]\n"), 0o600))
	c := spawn(t, nil, "-config", conf, "-check").collect()
	c.exits(process.ExitStopped, patience)
	require.Equal(t, 2, strings.Count(c.stderr.String(), "W! "), c.stderr.String())
}

// The same through the real program and -check, of a few.
func TestCheckShowsNoSecret(t *testing.T) {
	keys := slices.Sorted(func(yield func(string) bool) {
		for k := range clitest.Holders {
			if !yield(k) {
				return
			}
		}
	})
	for i, holder := range keys {
		name := []string{"none", "no scheme", "opaque", "list", "controls", "one slash"}[i%6]
		canary := clitest.Canary(9000 + i)
		conf := "[[inputs.decahose]]\n  account = \"a\"\n  stream_label = \"l\"\n  " +
			clitest.Mistakes[name](holder, strings.ReplaceAll(clitest.Holders[holder], "CANARY", canary)) + "\n"
		path := filepath.Join(t.TempDir(), "x.conf")
		require.NoError(t, os.WriteFile(path, []byte(conf), 0o600))
		c := spawn(t, []string{"STATE_DIRECTORY=" + t.TempDir(), "DECAHOSE_USERNAME=u", "DECAHOSE_PASSWORD=p", "AWS_EC2_METADATA_DISABLED=true"}, "-config", path, "-check")
		<-c.ended
		clitest.RequireHidden(t, canary, conf, c.stderr.String()+c.lines.String())
	}
}
