//go:build linux

package operator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// auditRig has an audit of a file, and a ledger with two minutes of ten Tweets.
func auditRig(t *testing.T) (d *rig, path string, c ledger.Commit, ids []snowflake.ID) {
	t.Helper()
	d = newRig(t, "prod")
	path = filepath.Join(d.state, "tweets.lp")
	conf, err := os.ReadFile(d.conf)
	require.NoError(t, err)
	text := string(conf) + fmt.Sprintf("[[inputs.decahose.audit]]\nname = \"a\"\ntype = \"file\"\nfiles = [%q]\nsettle = \"1m\"\n", path)
	require.NoError(t, os.WriteFile(d.conf, []byte(text), 0o600))
	c.Partitions = []ledger.PartitionRecord{{Partition: 1, Begin: (noon - 60).Milli(), Position: noon.Milli()}}
	for m := noon - 20; m < noon-18; m++ {
		var of []snowflake.ID
		for i := range 10 {
			of = append(of, snowflake.First(m.Milli()+int64(i))|3)
		}
		ids = append(ids, of...)
		c.IDs = append(c.IDs, ledger.IDs{Partition: 1, Minute: m, IDs: of})
		c.Minutes = append(c.Minutes, ledger.MinuteRecord{Partition: 1, Minute: m, Received: 10, Unique: 10, Emitted: 10, State: ledger.Whole, Digest: ledger.Digest(of...)})
	}
	return d, path, c, ids
}

func land(t *testing.T, path string, ids ...snowflake.ID) {
	t.Helper()
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "decahose_tweet,stream_label=prod text=\"a\nb\",id=%di 5\n", id)
	}
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
}

func TestReconcile(t *testing.T) {
	d, path, c, ids := auditRig(t)
	d.store("prod", c)
	args := []string{"reconcile", "-config", d.conf, "-from", "-20m", "-to", "-18m"}
	land(t, path, ids...)
	d.runs(process.ExitStopped, args...)
	require.Equal(t, `
MINUTE             EMITTED  UNDELIVERED  STORED  MISSING  SURPLUS  REPAIRS  STATE  WHY
2026-01-02T11:40Z       10            0      10        0        0        0  equal
2026-01-02T11:41Z       10            0      10        0        0        0  equal
audit a: 2 of 2 minutes compared, emitted 20 stored 20 missing 0 surplus 0
`, "\n"+d.stdout.String())

	land(t, path, append(ids[2:], ids[19]+1)...)
	d.runs(process.ExitFailure, append(args, "-ids")...)
	require.Equal(t, fmt.Sprintf(`
MINUTE             EMITTED  UNDELIVERED  STORED  MISSING  SURPLUS  REPAIRS  STATE    WHY
2026-01-02T11:40Z       10            0       8        2        0        0  missing
2026-01-02T11:41Z       10            0      11        0        1        0  surplus
missing %d
missing %d
surplus %d
audit a: 2 of 2 minutes compared, emitted 20 stored 19 missing 2 surplus 1
`, ids[0], ids[1], ids[19]+1), "\n"+d.stdout.String())
	require.Contains(t, d.stderr.String(), `E! stream "prod": audit "a": store and ledger differ: 2 Tweets are missing, 1 are too many`)

	d.runs(process.ExitFailure, append(args, "-json", "-ids", "-audit", "a")...)
	var doc reconcileDocuments
	d.read(&doc)
	require.Equal(t, []reconcileDocument{doc.reconcileDocument}, doc.Streams)
	require.EqualValues(t, 2, doc.Audits[0].Missing)
	require.Equal(t, []int64{int64(ids[0]), int64(ids[1])}, doc.Audits[0].Minutes[0].MissingIDs)
	require.Equal(t, "surplus", doc.Audits[0].Minutes[1].State)
}

func TestReconcileRepairs(t *testing.T) {
	d, path, c, ids := auditRig(t)
	land(t, path, ids[3:]...)
	d.store("prod", c)
	args := []string{"reconcile", "-config", d.conf, "-from", "-20m", "-to", "-18m", "-repair"}
	d.runs(process.ExitFailure, args...)
	require.Contains(t, d.stdout.String(), "; 3 Tweets of 1 minute will be asked for when the plugin runs again\n")

	s := d.keep("prod", ledger.Commit{}) // it runs again, and finds the order
	var wg sync.WaitGroup
	orders, err := s.Orders()
	require.NoError(t, err)
	require.Len(t, orders, 1)
	require.Equal(t, ledger.OrderRepair, orders[0].Kind)
	require.Equal(t, []ledger.Sent{{ID: ids[0], Partition: 1}, {ID: ids[1], Partition: 1}, {ID: ids[2], Partition: 1}}, orders[0].Sent)
	require.NoError(t, s.Commit(&ledger.Commit{Seq: 2, Moment: ledger.Moment{Wall: noon.Nano(), Stream: noon.Milli()},
		Answers: []ledger.Answer{{Order: orders[0].ID, Text: "done"}}}))
	d.plugin(&wg, s, func(o ledger.Order) ledger.Commit {
		return ledger.Commit{Answers: []ledger.Answer{{Order: o.ID, Text: fmt.Sprintf("%d Tweets are asked for", len(o.Sent))}}}
	})
	d.runs(process.ExitFailure, args...)
	wg.Wait()
	require.Contains(t, d.stdout.String(), "; 3 Tweets are asked for\n")
}

// What stays short after its repairs is an alarm, and no longer repaired, but with -again.
func TestReconcileRepairsAgain(t *testing.T) {
	d, path, c, ids := auditRig(t)
	land(t, path, ids[3:]...)
	c.Repairs = []ledger.RepairRecord{{Minute: noon - 20, Times: ledger.RepairsMost, At: (noon - 5).Nano()}}
	s := d.keep("prod", c)
	args := []string{"reconcile", "-config", d.conf, "-from", "-20m", "-to", "-18m", "-repair"}
	d.runs(process.ExitFailure, args...)
	require.Contains(t, d.stdout.String(), "unrepaired")
	require.Contains(t, d.stdout.String(), "; nothing is to be repaired\n")
	orders, err := s.Orders()
	require.NoError(t, err)
	require.Empty(t, orders)

	var wg sync.WaitGroup
	d.plugin(&wg, s, func(o ledger.Order) ledger.Commit {
		return ledger.Commit{Answers: []ledger.Answer{{Order: o.ID, Text: fmt.Sprintf("%s: %d", o.Kind, len(o.Sent))}}}
	})
	d.runs(process.ExitFailure, append(args, "-again", "-json")...)
	wg.Wait()
	var doc reconcileDocuments
	d.read(&doc)
	require.Equal(t, "again: 3", doc.Audits[0].Repair)
}

// A store that is only behind is not repaired: what comes between the two looks was in a buffer.
func TestReconcileLooksTwice(t *testing.T) {
	d, path, c, ids := auditRig(t)
	d.store("prod", c)
	behind := 10
	d.console.now = func() time.Time { // as it goes on, so do the outputs
		behind = max(0, behind-1)
		land(t, path, ids[behind:]...)
		return minuteTime(noon)
	}
	d.runs(process.ExitFailure, "reconcile", "-config", d.conf, "-from", "-20m", "-to", "-18m", "-repair")
	require.Regexp(t, `; not repaired now: \d Tweets that seemed to be missing have come`, d.stdout.String())
}

func TestReconcileRefused(t *testing.T) {
	d, path, c, _ := auditRig(t)
	d.store("prod", c)
	args := []string{"reconcile", "-config", d.conf, "-from", "-20m", "-to", "-18m"}
	d.runs(process.ExitFailure, args...)
	require.Contains(t, d.stderr.String(), "no file is there of")
	require.Contains(t, d.stdout.String(), "unknown  the store did not answer")
	d.runs(process.ExitUsage, "reconcile", "-config", d.conf, "-from", "-20m")
	d.runs(process.ExitUsage, append(args, "-audit", "b")...)
	require.Contains(t, d.stderr.String(), `option "audit" is "b", must be one of "a"`)
	land(t, path)
	d.runs(process.ExitFailure, "reconcile", "-config", d.conf, "-from", "-3h", "-to", "-2h")
	require.Contains(t, d.stderr.String(), "no minute could be compared")
	require.Contains(t, d.stdout.String(), "the ledger begins later")
	other := newRig(t, "prod")
	other.store("prod", c)
	other.runs(process.ExitUsage, "reconcile", "-config", other.conf, "-from", "-20m", "-to", "-18m")
	require.Contains(t, other.stderr.String(), "there is no [[inputs.decahose.audit]]")
	text, err := os.ReadFile(d.conf)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(d.conf, []byte(strings.Replace(string(text), `"file"`, `"mongo"`, 1)), 0o600))
	d.runs(process.ExitUsage, args...)
	require.Contains(t, d.stderr.String(), `option "audit.type" is "mongo"`)
}
