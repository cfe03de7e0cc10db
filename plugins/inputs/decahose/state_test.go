package decahose

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

func TestStateDir(t *testing.T) {
	d := valid()
	d.StateDirectory = "/state"
	require.NoError(t, d.InitState())
	require.Equal(t, "/state/an%20account_sample10_prod%2F1", d.StateDir())
}

func TestStateName(t *testing.T) {
	long := strings.Repeat("ä", 100)
	for _, test := range []struct{ account, label, want string }{
		{"example", "prod", "example_sample10_prod"},
		{"Example-1", "prod_eu", "Example-1_sample10_prod_eu"},
		{"a_b", "c_d", "a%5Fb_sample10_c_d"},
		{"..", "../x", "%2E%2E_sample10_%2E%2E%2Fx"},
		{"a:b|c", "100% \n", "a%3Ab%7Cc_sample10_100%25%20%0A"},
		{"é", "l", "%C3%A9_sample10_l"},
		{long, long, strings.Repeat("%C3%A4", 22) + "%C3~"},
	} {
		got := stateName(test.account, "sample10", test.label)
		require.True(t, strings.HasPrefix(got, test.want), got)
		require.LessOrEqual(t, len(got), longestState)
		if len(got) < longestState {
			require.Equal(t, test.want, got)
		}
	}
}

// FuzzStateName wants one safe file name, and another for another stream.
func FuzzStateName(f *testing.F) {
	f.Add("a_sample10_b", "c", "a", "b_sample10_c")
	f.Add("a", "b", "a", "b")
	f.Add("..", "/", "%2E%2E", "%2F")
	f.Add(strings.Repeat("a", 300), "b", strings.Repeat("a", 300), "c")
	f.Fuzz(func(t *testing.T, account1, label1, account2, label2 string) {
		one, two := stateName(account1, "sample10", label1), stateName(account2, "sample10", label2)
		require.Equal(t, account1 == account2 && label1 == label2, one == two)
		require.Equal(t, one, filepath.Base(filepath.Clean(one)))
		require.LessOrEqual(t, len(one), longestState)
	})
}

// Commands may run where the credentials cannot be had.
func TestInitStateNeedsNoCredentials(t *testing.T) {
	d := newDecahose()
	d.Account, d.StreamLabel = "a", "l"
	require.Error(t, d.Init())
	require.NoError(t, d.InitState())
	require.NotEmpty(t, d.StateDirectory)
	d.Recovery = "x"
	var option *option.Error
	require.ErrorAs(t, d.InitState(), &option)
	require.Equal(t, "recovery", option.Option)
}

func TestRecoveryRules(t *testing.T) {
	d := valid()
	require.NoError(t, d.InitState())
	require.Equal(t, refill.Rules{Method: refill.Replay, Window: time.Hour, Delay: 30 * time.Minute, Horizon: 120 * time.Hour,
		Jobs: 1, Limit: 5, Period: 5 * time.Minute}, d.RecoveryRules())
	d = valid()
	d.Recovery, d.RecoveryDelay = "recovery", config.Duration(time.Second)
	require.NoError(t, d.InitState())
	require.Equal(t, refill.Rules{Method: refill.Recovery, Window: time.Hour, Delay: time.Second, Horizon: 24 * time.Hour,
		Jobs: 2, Limit: 5, Period: 5 * time.Minute, ByPartition: true}, d.RecoveryRules())
	d = valid()
	d.Recovery = "none"
	require.NoError(t, d.InitState())
	require.Equal(t, refill.None, d.RecoveryRules().Method)
}
