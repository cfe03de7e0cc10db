//go:build linux

package operator

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// recover -emit-again orders the Tweets by id that the ledger says were emitted: of the minutes meant, and of no others.
func TestRecoverEmitsAgain(t *testing.T) {
	var c ledger.Commit
	id := func(partition int, ago, n int64) ledger.Sent {
		return ledger.Sent{ID: snowflake.First((noon-20).Milli()-60_000*ago+n) | 3, Partition: int32(partition)}
	}
	for _, s := range []ledger.Sent{id(1, 1, 0), id(1, 0, 0), id(2, 0, 1), id(1, -1, 0)} {
		c.IDs = append(c.IDs, ledger.IDs{Partition: int(s.Partition), Minute: timeline.MinuteOf(s.ID.Milli()), IDs: []snowflake.ID{s.ID}})
	}
	for name, test := range map[string]struct {
		args []string
		want []ledger.Sent
	}{
		"one minute":    {[]string{"-from", "-20m", "-to", "-19m"}, []ledger.Sent{id(1, 0, 0), id(2, 0, 1)}},
		"its partition": {[]string{"-from", "-20m", "-to", "-19m", "-partition", "2"}, []ledger.Sent{id(2, 0, 1)}},
		"all":           {[]string{"-from", "-1h", "-to", "now"}, []ledger.Sent{id(1, 1, 0), id(1, 0, 0), id(2, 0, 1), id(1, -1, 0)}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newRig(t, "prod")
			var wg sync.WaitGroup
			var order ledger.Order
			d.plugin(&wg, d.keep("prod", c), func(o ledger.Order) ledger.Commit {
				order = o
				return ledger.Commit{Answers: []ledger.Answer{{Order: o.ID, Text: fmt.Sprintf("%d Tweets are asked for", len(o.Sent))}}}
			})
			d.runs(process.ExitStopped, append([]string{"recover", "-config", d.conf, "-emit-again"}, test.args...)...)
			wg.Wait()
			require.Contains(t, d.stdout.String(), fmt.Sprintf("%d Tweets are asked for\n", len(test.want)))
			require.Equal(t, ledger.OrderAgain, order.Kind)
			require.ElementsMatch(t, test.want, order.Sent)
		})
	}
}

// Where the ledger knows of none, nothing is ordered: the minutes themselves are what -emit-again is not about.
func TestRecoverEmitsNothingAgain(t *testing.T) {
	d := newRig(t, "prod")
	s := d.keep("prod", ledger.Commit{})
	defer s.Close()
	d.runs(process.ExitFailure, "recover", "-config", d.conf, "-emit-again", "-from", "-20m", "-to", "-19m")
	require.Contains(t, d.stderr.String(), "the ledger knows of no Tweet that was emitted of 2026-01-02T11:40Z to 2026-01-02T11:41Z")
	orders, err := s.Orders()
	require.NoError(t, err)
	require.Empty(t, orders)
}
