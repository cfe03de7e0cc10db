package decahose

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrialFlag(t *testing.T) {
	for line, want := range map[string]string{
		"":                                     "",
		"--config x":                           "",
		"--config x --test":                    "--test",
		"-test --config x":                     "-test",
		"--test=true":                          "--test=true",
		"--test=1":                             "--test=1",
		"--test=false":                         "",
		"--test=0 --once":                      "--once",
		"-once=t":                              "-once=t",
		"--test-wait 10":                       "--test-wait",
		"--test-wait=10":                       "--test-wait=10",
		"-test-wait 3":                         "-test-wait",
		"--test-wait 0":                        "",
		"--test-wait=0":                        "",
		"--test-wait":                          "",
		"--testing":                            "",
		"test":                                 "",
		"--config once":                        "",
		"--quiet -- --test":                    "",
		"-test.v=true -test.run TestX -test.v": "",
		"--watch-config poll --config-directory d": "",
	} {
		require.Equal(t, want, TrialFlag(strings.Fields(line)), line)
	}
}

// In a trial of the Telegraf that it is compiled into the plugin opens no state, and connects nowhere.
func TestTrialIsRefused(t *testing.T) {
	d := newDecahose()
	require.ErrorContains(t, d.checkTrial([]string{"--config", "x", "--test"}), "Telegraf runs with --test")
	require.NoError(t, d.checkTrial([]string{"--config", "x"}))
	d.Host = &Host{}
	require.NoError(t, d.checkTrial([]string{"--config", "x", "--test"}), "the host looks after it")
}
