//go:build linux

package settings

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/clitest"
	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
)

// said is all that is said of a configuration, in this process. Each has a canary of its own, since what was read once is
// masked for good.
func said(t *testing.T, conf string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.conf")
	require.NoError(t, os.WriteFile(path, []byte(conf), 0o600))
	log := process.NewLog()
	s, err := Load(path)
	if err == nil {
		err = s.Init(log)
	}
	var text strings.Builder
	log.Drain(&text)
	if err != nil {
		process.Say(&text, 'E', err.Error())
	}
	return text.String()
}

// Where a table belongs a value is not shown, whatever it looks like.
func TestValuesOfTablesAreNotShown(t *testing.T) {
	for _, table := range []string{"route", "archive", "audit", "push", "feedback", "debug"} {
		text := said(t, clitest.Valid+"  "+table+" = \"harmless\"\n")
		require.Contains(t, text, fmt.Sprintf("line 6: option %q must be", table))
		require.NotContains(t, text, "harmless")
	}
}

// No mistake in a configuration shows the secret that is in it.
func TestMistakesShowNoSecret(t *testing.T) {
	n := 0
	for holder, value := range clitest.Holders {
		for name, mistake := range clitest.Mistakes {
			n++
			if testing.Short() && n%4 != 0 {
				continue
			}
			canary := clitest.Canary(n)
			conf := "[[inputs.decahose]]\n  account = \"a\"\n  stream_label = \"l\"\n  " + mistake(holder, strings.ReplaceAll(value, "CANARY", canary)) + "\n"
			clitest.RequireHidden(t, canary, name+" of "+conf, said(t, conf))
		}
	}
}

// Random damage shows none either: no parser is right about where a secret stands in it.
func TestDamagedConfigurationsShowNoSecret(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		canary := clitest.Canary(5000 + n)
		conf := "[[inputs.decahose]]\n  account = \"a\"\n  stream_label = \"l\"\n"
		for _, holder := range []string{"username", "password", "http_proxy_url"} {
			conf += "  " + clitest.Mistakes["none"](holder, strings.ReplaceAll(clitest.Holders[holder], "CANARY", canary)) + "\n"
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
		clitest.RequireHidden(t, whole, conf, said(t, conf))
	}
}
