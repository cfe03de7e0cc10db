//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

// holders are options that hold a secret, or may, with what stands before them. CANARY is the secret's place in a value.
var holders = map[string]string{
	"username": "CANARY", "password": "CANARY", "password_file": "CANARY", "tls_key_pwd": "CANARY", "stream_url": "https://me:CANARY@example.org",
	"replay_url": "https://example.org/?token=CANARY", "recovery_url": "https://me:CANARY@example.org", "http_proxy_url": "http://me:CANARY@127.0.0.1:1",
	"route": "http://me:CANARY@127.0.0.1:1", "archive": "s3://KEY:CANARY@bucket", "push": "http://t:CANARY@127.0.0.1", "feedback": "CANARY", "audit": "me:CANARY@h",
	"[[inputs.decahose.route]]\n    http_proxy_url":                     "http://me:CANARY@127.0.0.1:1",
	"[[inputs.decahose.archive]]\n    url":                              "s3://KEY:CANARY@bucket/p",
	"[[inputs.decahose.archive]]\n    url = \"s3://b\"\n    secret_key": "CANARY",
	"delivery = \"acknowledged\"\n  [inputs.decahose.push]\n    url":    "http://t:CANARY@127.0.0.1:1/x",
	"delivery = \"acknowledged\"\n  [inputs.decahose.push]\n    token":  "CANARY",
	"[inputs.decahose.feedback]\n    token":                             "CANARY",
	"[[inputs.decahose.audit]]\n    type = \"postgresql\"\n    dsn":     "postgres://u:CANARY@127.0.0.1:1/x",
	"[[inputs.decahose.audit]]\n    type = \"mysql\"\n    dsn":          "u:CANARY@tcp(127.0.0.1:1)/x",
	"[[inputs.decahose.audit]]\n    type = \"influxdb\"\n    url":       "https://me:CANARY@influx:8086",
	"[[inputs.decahose.audit]]\n    type = \"influxdb_v2\"\n    token":  "CANARY",
}

// mistakes are what people do to "KEY = \"VALUE\"".
var mistakes = map[string]func(key, value string) string{
	"none":           func(k, v string) string { return k + ` = "` + v + `"` },
	"no scheme":      func(k, v string) string { return k + ` = "` + v[strings.Index(v, "//")+1:] + `"` },
	"opaque":         func(k, v string) string { return k + ` = "` + strings.Replace(v, "//", "", 1) + `"` },
	"one slash":      func(k, v string) string { return k + ` = "` + strings.Replace(v, "//", "/", 1) + `"` },
	"three slashes":  func(k, v string) string { return k + ` = "` + strings.Replace(v, "//", "///", 1) + `"` },
	"other scheme":   func(k, v string) string { return k + ` = "gopher:` + v + `"` },
	"blank":          func(k, v string) string { return k + ` = " ` + strings.Replace(v, "@", " @ ", 1) + ` "` },
	"no quotes":      func(k, v string) string { return k + ` = ` + v },
	"one quote":      func(k, v string) string { return k + ` = "` + v },
	"other quotes":   func(k, v string) string { return k + ` = '` + v },
	"long quotes":    func(k, v string) string { return k + ` = """` + v },
	"long value":     func(k, v string) string { return k + ` = """` + "\n" + v + "\n" + `"""` },
	"list":           func(k, v string) string { return k + ` = ["` + v + `"]` },
	"table":          func(k, v string) string { return k + ` = { a = "` + v + `" }` },
	"bad escape":     func(k, v string) string { return k + ` = "` + v + `\q"` },
	"twice":          func(k, v string) string { return k + ` = "` + v + "\"\n" + last(k) + ` = "` + v + `"` },
	"misspelled":     func(k, v string) string { return k + `x = "` + v + `"` },
	"no sign":        func(k, v string) string { return k + ` "` + v + `"` },
	"as key":         func(k, v string) string { return k + ` = "x"` + "\n" + `"` + v + `" = 1` },
	"as table":       func(k, v string) string { return k + ` = "x"` + "\n" + `[["` + v + `"]]` },
	"as plugin":      func(k, v string) string { return k + ` = "x"` + "\n" + `[[outputs."` + v + `"]]` },
	"number before":  func(k, v string) string { return k + ` = 7` + v },
	"open reference": func(k, v string) string { return k + ` = "${` + v + `"` },
	"controls":       func(k, v string) string { return k + ` = "` + `\u001b[2J\u202e\n` + v + `\u0007"` },
	"raw controls":   func(k, v string) string { return k + " = \"\x1b[2J\u009b" + v + "\xff\"" },
	"bad port":       func(k, v string) string { return k + ` = "` + v + `:port"` },
}

func last(key string) string { return key[strings.LastIndexAny(key, "\n ")+1:] }

// requireHidden wants one printable line without the canary.
func requireHidden(t *testing.T, canary, conf, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.True(t, redact.Printable(strings.TrimSuffix(line, "\n")), "%q of %s", line, conf)
	}
	require.LessOrEqual(t, strings.Count(text, "\n"), 3, text)
	for _, form := range []string{canary, canary[:9], strings.ToLower(canary)} {
		require.NotContains(t, text, form, conf)
	}
}

// said is all that is said of a configuration, in this process. Each has a canary of its own, since what was read once is
// masked for good.
func said(t *testing.T, conf string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.conf")
	require.NoError(t, os.WriteFile(path, []byte(conf), 0o600))
	log := newLineLog()
	s, err := loadSettings(path)
	if err == nil {
		err = s.init(log)
	}
	close(log.queue)
	var text strings.Builder
	for e := range log.queue {
		text.Write(e.line)
	}
	if err != nil {
		text.Write(logLine('E', err.Error()))
	}
	return text.String()
}

// Where a table belongs a value is not shown, whatever it looks like.
func TestValuesOfTablesAreNotShown(t *testing.T) {
	for _, table := range []string{"route", "archive", "audit", "push", "feedback", "debug"} {
		text := said(t, valid+"  "+table+" = \"harmless\"\n")
		require.Contains(t, text, fmt.Sprintf("line 6: option %q must be", table))
		require.NotContains(t, text, "harmless")
	}
}

func canaryOf(n int) string { return fmt.Sprintf("S3canary%04dXy", n) }

// No mistake in a configuration shows the secret that is in it.
func TestMistakesShowNoSecret(t *testing.T) {
	n := 0
	for holder, value := range holders {
		for name, mistake := range mistakes {
			n++
			if testing.Short() && n%4 != 0 {
				continue
			}
			canary := canaryOf(n)
			conf := "[[inputs.decahose]]\n  account = \"a\"\n  stream_label = \"l\"\n  " + mistake(holder, strings.ReplaceAll(value, "CANARY", canary)) + "\n"
			requireHidden(t, canary, name+" of "+conf, said(t, conf))
		}
	}
}

// Random damage shows none either: no parser is right about where a secret stands in it.
func TestDamagedConfigurationsShowNoSecret(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		canary := canaryOf(5000 + n)
		conf := "[[inputs.decahose]]\n  account = \"a\"\n  stream_label = \"l\"\n"
		for _, holder := range []string{"username", "password", "http_proxy_url"} {
			conf += "  " + mistakes["none"](holder, strings.ReplaceAll(holders[holder], "CANARY", canary)) + "\n"
		}
		for range 1 + r.IntN(3) {
			at := r.IntN(len(conf))
			switch r.IntN(4) {
			case 0:
				conf = conf[:at] + conf[min(len(conf), at+1+r.IntN(20)):]
			case 1:
				conf = conf[:at]
			default:
				bits := []string{`"`, `'`, `"""`, "[", "]", "{", "=", "#", `\`, "\n", "${", "@{", "://", "\x00", "\x80", "\u202e"}
				conf = conf[:at] + bits[r.IntN(len(bits))] + conf[at:]
			}
			if len(conf) == 0 {
				break
			}
		}
		whole := canary
		if !strings.Contains(conf, canary) {
			whole = "not in it any more"
		}
		requireHidden(t, whole, conf, said(t, conf))
	}
}

// The same through the real program and -check, of a few.
func TestCheckShowsNoSecret(t *testing.T) {
	keys := slices.Sorted(func(yield func(string) bool) {
		for k := range holders {
			if !yield(k) {
				return
			}
		}
	})
	for i, holder := range keys {
		name := []string{"none", "no scheme", "opaque", "list", "controls", "one slash"}[i%6]
		canary := canaryOf(9000 + i)
		conf := "[[inputs.decahose]]\n  account = \"a\"\n  stream_label = \"l\"\n  " +
			mistakes[name](holder, strings.ReplaceAll(holders[holder], "CANARY", canary)) + "\n"
		path := filepath.Join(t.TempDir(), "x.conf")
		require.NoError(t, os.WriteFile(path, []byte(conf), 0o600))
		c := spawn(t, []string{"STATE_DIRECTORY=" + t.TempDir(), "DECAHOSE_USERNAME=u", "DECAHOSE_PASSWORD=p", "AWS_EC2_METADATA_DISABLED=true"}, "-config", path, "-check")
		<-c.ended
		requireHidden(t, canary, conf, c.stderr.String()+c.lines.String())
	}
}
