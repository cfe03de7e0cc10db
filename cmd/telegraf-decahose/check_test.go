//go:build linux

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// -check says what it proved and what it did not.
func TestCheckSaysWhatItProves(t *testing.T) {
	c := spawn(t, nil, "-config", configure(t, "http://127.0.0.1:1"), "-check").collect()
	c.exits(exitStopped, patience)
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
		"let in":       {oneTweet(t).URL, "", exitStopped, "let us in, and its stream came after"},
		"wrong login":  {oneTweet(t).URL, "#", exitFailure, "http_401"},
		"nobody there": {"http://127.0.0.1:1", "", exitFailure, "connect"},
		"no stream":    {empty.URL, "", exitFailure, "what answers is no stream"},
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
			require.Equal(t, test.rc == exitStopped, strings.Contains(c.lines.String(), "configuration ok"))
			requireLogLines(t, c.stderr.String())
		})
	}
}

// What a shell lacks of the service's environment is named, with the line that has it; a password never.
func TestCheckHintsAtTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.conf")
	conf := strings.Replace(strings.Replace(valid, "  username = \"user\"\n", "", 1), `"SECRET"`, `"a$SECRET"`, 1) +
		"  [[inputs.decahose.audit]]\n  type = \"postgresql\"\n  dsn = \"postgres://u:${DECAHOSE_TEST_UNSET}@h/d\"\n"
	require.NoError(t, os.WriteFile(path, []byte(conf), 0o600))
	c := spawn(t, []string{"DECAHOSE_USERNAME="}, "-config", path, "-check").collect()
	c.exits(exitUsage, patience)
	require.Contains(t, c.stderr.String(), "I! DECAHOSE_TEST_UNSET, DECAHOSE_USERNAME are not set here; to have the environment of the service: sudo systemd-run ")
	require.Contains(t, c.stderr.String(), " -config "+path+" -check\n")
	require.Equal(t, 1, strings.Count(c.stderr.String(), "E! "))
	require.NotContains(t, c.stderr.String(), "SECRET")
	requireLogLines(t, c.stderr.String())
}

// What nothing acts on is told.
func TestIneffectiveOptions(t *testing.T) {
	path := configure(t, "http://127.0.0.1:1", `interval = "1s"`, `dedup_window = "${DECAHOSE_TEST_UNSET}"`)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	s := &settings{path: path, doc: parseDocument(append(text, "[agent]\n  interval = \"1s\"\n"...))}
	require.Equal(t, []string{
		"line 12: [agent] has no effect here: it belongs into Telegraf's own configuration",
		`line 10: option "interval" has no effect here: it belongs to the [[inputs.execd]] in Telegraf's own configuration`,
		`line 11: environment variable DECAHOSE_TEST_UNSET is not set, so the option holds the reference itself`,
	}, s.warnings())
	conf := filepath.Join(t.TempDir(), "x.conf")
	require.NoError(t, os.WriteFile(conf, []byte(valid+"  interval = \"1s\"\n[agent]\n"), 0o600))
	c := spawn(t, nil, "-config", conf, "-check").collect()
	c.exits(exitStopped, patience)
	require.Equal(t, 2, strings.Count(c.stderr.String(), "W! "), c.stderr.String())
}

func TestOptionsOutsideATable(t *testing.T) {
	require.EqualError(t, parseDocument([]byte("interval = \"1s\"\naccount = \"a\"\n"+valid)).loose(),
		`line 1: option "interval" stands outside a table: it must stand below [[inputs.decahose]]`)
	require.ErrorContains(t, parseDocument([]byte("url = \"/a\"\n[[outputs.decahose_archive]]\n")).loose(), "below [[outputs.decahose_archive]]")
	require.NoError(t, parseDocument([]byte(valid)).loose())
}
