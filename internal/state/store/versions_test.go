package store

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/testing/versions"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// TestStateOfAllVersions reads what programs of each version of the schema left.
func TestStateOfAllVersions(t *testing.T) {
	versions.Files{Version: len(migrations), Write: storyOfVersions, Read: readVersion}.Test(t)
}

// storyOfVersions writes both directories. What a later version can store besides belongs into its commits.
func storyOfVersions(t *testing.T, dir string) {
	live := filepath.Join(dir, versions.Closed)
	s, _, err := Open(live, Options{Horizon: horizon})
	require.NoError(t, err)
	m := timeline.MinuteOf(time.Date(2026, 3, 1, 11, 58, 0, 0, time.UTC).UnixMilli())
	require.NoError(t, s.Commit(minutesOfVersions(m)))
	_, err = PlaceOrder(live, ledger.Order{Kind: "recover", From: m, To: m + 2})
	require.NoError(t, err)
	_, err = PlaceOrder(live, ledger.Order{Kind: "repair", Partition: 1, From: m, To: m + 1,
		Sent: []ledger.Sent{{ID: snowflake.First(m.Milli()), Partition: 2}, {ID: snowflake.First(m.Milli() + 7)}}})
	require.NoError(t, err)
	require.NoError(t, s.Commit(gapsOfVersions(m)))
	killed := filepath.Join(dir, versions.Killed)
	copyDir(t, live, killed)
	end := &ledger.Commit{Seq: 3, Moment: momentOfVersions(m, 3), Clean: true, Connects: []int64{m.Nano()},
		Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: m.Milli(), Position: (m + 6).Milli()}, {Partition: 2, Begin: m.Milli() + 1, Position: (m + 6).Milli()}}}
	require.NoError(t, s.Commit(end))
	require.NoError(t, s.Close())
	for _, d := range []string{versions.Closed, versions.Killed} { // SQLite makes it anew
		require.NoError(t, os.RemoveAll(filepath.Join(dir, d, dbName+"-shm")))
		require.NoError(t, os.RemoveAll(filepath.Join(dir, d, "lock")))
	}
}

func momentOfVersions(m timeline.Minute, seq int64) ledger.Moment {
	return ledger.Moment{Wall: m.Nano() + seq, Stream: m.Milli() + 10*seq, Boot: "5a1d", Uptime: 1000 * seq}
}

// minutesOfVersions has each state of a minute, across the end of an hour.
func minutesOfVersions(m timeline.Minute) *ledger.Commit {
	c := &ledger.Commit{Seq: 1, Moment: momentOfVersions(m, 1), Connects: []int64{m.Nano(), m.Nano() + 5}}
	for state := ledger.Whole; state <= ledger.Lost; state++ {
		for p := 1; p <= 2; p++ {
			at := m + timeline.Minute(state)
			ids := make([]snowflake.ID, 3+p)
			for i := range ids {
				ids[i] = snowflake.First(at.Milli()+int64(i)*9_001) + snowflake.ID(p<<17+i)
			}
			n := int64(len(ids))
			c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: at, IDs: ids})
			c.Minutes = append(c.Minutes, ledger.MinuteRecord{Partition: p, Minute: at, Received: n + 4, Unique: n, Duplicate: 3, Late: 1, Emitted: n,
				Bytes: 1 << 33, Connections: 2, Covered: []timeline.Span{{From: at.Milli(), To: at.Milli() + 1000}, {From: at.Milli() + 5000, To: (at + 1).Milli()}}[:p],
				State: state, Digest: ledger.Digest(ids...)})
			c.Copies = append(c.Copies, ledger.CopyRecord{Partition: p, Minute: at, Backfill: 1, Replay: int64(p)})
			c.Deliveries = append(c.Deliveries, ledger.DeliveryRecord{Partition: p, Minute: at,
				Tracked: ledger.Tracked{Delivered: n - 2, Refused: 1, Untracked: 1, DeliveredDigest: ledger.Digest(ids[2:]...)}})
		}
	}
	c.Partitions = []ledger.PartitionRecord{{Partition: 1, Begin: m.Milli(), Position: m.Milli() + 3}, {Partition: 2, Begin: m.Milli() + 1, Position: m.Milli() + 2}}
	return c
}

// gapsOfVersions has each state of a gap and of a filled minute, and one or two of all that is not of a minute.
func gapsOfVersions(m timeline.Minute) *ledger.Commit {
	c := &ledger.Commit{Seq: 2, Moment: momentOfVersions(m, 2), Connects: []int64{m.Nano() + 9}}
	for state := ledger.GapOpen; state <= ledger.GapLost; state++ {
		at := m - 100 + 3*timeline.Minute(state)
		c.Gaps = append(c.Gaps, ledger.GapRecord{Partition: int(state) % 3, Span: timeline.Span{From: at.Milli() + 1, To: at.Milli() + 70_000}, State: state,
			Cause: "eof", FilledBy: []string{"", "", "replay", ""}[state], Tweets: 9 * int64(state), Dark: state == ledger.GapOpen, Opened: at.Nano() + 1, Asked: int64(state)})
		c.Steps = append(c.Steps, ledger.StepRecord{Partition: int(state) % 3, First: at, Text: "Replay, \"after\" 5 min", At: int64(state) * at.Nano()})
	}
	for state := ledger.FillFull; state <= ledger.FillThin; state++ {
		c.Fills = append(c.Fills, ledger.FillRecord{Minute: m + timeline.Minute(state), State: state, By: "recovery", Held: 5, Expected: 9, Times: 2, At: m.Nano()})
	}
	hour := ledger.HourRecord{Partition: 1, Hour: int64(m) / 60}
	for i := range hour.Unique {
		hour.Unique[i] = int32(i*i) - 1 // the first is not known
	}
	c.Hours = []ledger.HourRecord{hour}
	c.Repairs = []ledger.RepairRecord{{Minute: m, Times: 1, At: m.Nano(), Pending: []snowflake.ID{snowflake.First(m.Milli() + 2), snowflake.First(m.Milli()+3) + 4}}, {Minute: m + 1, Times: 2, At: m.Nano() + 1}}
	c.Gone = []ledger.GoneRecord{{Minute: m, IDs: []snowflake.ID{snowflake.First(m.Milli() + 5)}}}
	c.Requests = []ledger.RequestRecord{{ID: 1, Method: "replay", From: m - 5, To: m, At: m.Nano(), Ended: m.Nano() + 8, Status: 200, Result: "completed_with_errors", Tweets: 7, New: 3},
		{ID: 2, Method: "recovery", Partition: 2, From: m - 4, To: m - 1, At: m.Nano() + 9}, {ID: 3, Method: "replay", From: m, To: m + 1, At: m.Nano(), Ended: m.Nano(), Status: 503, Result: "failed"}}
	c.Answers = []ledger.Answer{{Order: 1, Text: "2 minutes are asked for", Err: true}}
	return c
}

// readVersion prints all that is read of a directory.
func readVersion(t *testing.T, b io.Writer, name, dir string) {
	fmt.Fprint(b, name+", to who looks\n")
	lookAtState(t, b, dir)
	fmt.Fprint(b, name+", at a start\n")
	startFromState(t, b, dir)
	fmt.Fprint(b, name+", to who looks after the start\n")
	lookAtState(t, b, dir)
}

// lookAtState prints what a Reader tells.
func lookAtState(t *testing.T, b io.Writer, dir string) {
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	const all = 1 << 40
	printState(b, &ledger.Past{Minutes: must(r.Minutes(0, all)), Copies: must(r.Copies(0, all)), Deliveries: must(r.Deliveries(0, all)), Repairs: must(r.Repairs(0, all)),
		Gone: must(r.Gone(0, all)), Fills: must(r.Fills(0, all)), Gaps: must(r.Gaps()), Partitions: must(r.Partitions()), Requests: must(r.Requests()), Moment: must(r.Moment())})
	for _, s := range must(r.Steps()) {
		fmt.Fprintf(b, "  step of %d at %v: %q at %d\n", s.Partition, s.First, s.Text, s.At)
	}
	for _, row := range must(r.Minutes(0, all)) {
		for _, one := range must(r.IDs(row.Minute)) {
			if one.Partition == int32(row.Partition) {
				fmt.Fprintf(b, "  id %d of %d\n", one.ID, one.Partition)
			}
		}
	}
	a, answered, err := r.Answer(1)
	require.NoError(t, err)
	fmt.Fprintf(b, "  answer %t: %q %t\n", answered, a.Text, a.Err)
}

// startFromState prints what a process that takes the state over is told.
func startFromState(t *testing.T, b io.Writer, dir string) {
	s, past, err := Open(dir, Options{Horizon: horizon})
	require.NoError(t, err)
	printState(b, past)
	fmt.Fprintf(b, "  clean %t, known %t, connects %d, notes %q\n", past.Clean, past.Known, past.Connects, past.Notes)
	for _, m := range slices.Sorted(maps.Keys(past.IDs)) {
		fmt.Fprintf(b, "  ids of %v: %v, %d\n", m, past.IDs[m], must(s.Load(m, nil)))
	}
	for _, o := range must(s.Orders()) {
		fmt.Fprintf(b, "  order %d: %s of %d, %v to %v, %d\n", o.ID, o.Kind, o.Partition, o.From, o.To, o.Sent)
	}
	require.NoError(t, s.Close())
}

func printState(b io.Writer, p *ledger.Past) {
	for _, r := range p.Minutes {
		fmt.Fprintf(b, "  minute %v of %d: %v, received %d, unique %d, duplicate %d, late %d, emitted %d, bytes %d, connections %d, covered %d, digest %016x\n", r.Minute, r.Partition, r.State,
			r.Received, r.Unique, r.Duplicate, r.Late, r.Emitted, r.Bytes, r.Connections, r.Covered, r.Digest)
	}
	for _, r := range p.Copies {
		fmt.Fprintf(b, "  copies %v of %d: backfill %d, replay %d\n", r.Minute, r.Partition, r.Backfill, r.Replay)
	}
	for _, r := range p.Deliveries {
		fmt.Fprintf(b, "  delivery %v of %d: delivered %d, refused %d, untracked %d, digest %016x\n", r.Minute, r.Partition, r.Delivered, r.Refused, r.Untracked, r.DeliveredDigest)
	}
	for _, r := range p.Hours {
		fmt.Fprintf(b, "  hour %d of %d: %d\n", r.Hour, r.Partition, r.Unique)
	}
	for _, r := range p.Repairs {
		fmt.Fprintf(b, "  repair %v: times %d, at %d, pending %d\n", r.Minute, r.Times, r.At, r.Pending)
	}
	for _, r := range p.Gone {
		fmt.Fprintf(b, "  gone %v: %d\n", r.Minute, r.IDs)
	}
	for _, r := range p.Fills {
		fmt.Fprintf(b, "  fill %v: %v by %s, held %d, expected %d, times %d, at %d\n", r.Minute, r.State, r.By, r.Held, r.Expected, r.Times, r.At)
	}
	for _, g := range p.Gaps {
		fmt.Fprintf(b, "  gap %v of %d: %v, %d to %d, cause %s, filled by %q, tweets %d, dark %t, opened %d, asked %d\n", g.First(), g.Partition, g.State,
			g.Span.From, g.Span.To, g.Cause, g.FilledBy, g.Tweets, g.Dark, g.Opened, g.Asked)
	}
	for _, r := range p.Partitions {
		fmt.Fprintf(b, "  partition %d: %d to %d\n", r.Partition, r.Begin, r.Position)
	}
	for _, r := range p.Requests {
		fmt.Fprintf(b, "  request %d: %s of %d, %v to %v, at %d, ended %d, status %d, %q, tweets %d, new %d\n", r.ID, r.Method, r.Partition, r.From, r.To, r.At, r.Ended, r.Status, r.Result, r.Tweets, r.New)
	}
	fmt.Fprintf(b, "  moment: wall %d, stream %d, boot %s, uptime %d\n", p.Moment.Wall, p.Moment.Stream, p.Moment.Boot, p.Moment.Uptime)
}
