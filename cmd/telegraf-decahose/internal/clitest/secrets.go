package clitest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
)

// Holders are options that hold a secret, or may, with what stands before them. CANARY is the secret's place in a value.
var Holders = map[string]string{
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

// Mistakes are what people do to "KEY = \"VALUE\"".
var Mistakes = map[string]func(key, value string) string{
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

// RequireHidden wants one printable line without the canary.
func RequireHidden(t *testing.T, canary, conf, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		require.True(t, redact.Printable(strings.TrimSuffix(line, "\n")), "%q of %s", line, conf)
	}
	require.LessOrEqual(t, strings.Count(text, "\n"), 3, text)
	for _, form := range []string{canary, canary[:9], strings.ToLower(canary)} {
		require.NotContains(t, text, form, conf)
	}
}

// Canary is a secret that stands nowhere else.
func Canary(n int) string { return fmt.Sprintf("S3canary%04dXy", n) }
