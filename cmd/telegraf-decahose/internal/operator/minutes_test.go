//go:build linux

package operator

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestMinutes(t *testing.T) {
	d := newRig(t, "prod")
	row := func(partition int, m timeline.Minute, state ledger.State) ledger.MinuteRecord {
		span := (noon + m).Span()
		return ledger.MinuteRecord{Partition: partition, Minute: noon + m, Received: 200, Unique: 100, Duplicate: 100, Late: 1, Emitted: 99,
			Bytes: 12345, Connections: 2, State: state, Covered: []timeline.Span{{From: span.From, To: span.From + 100}, {From: span.From + 200, To: span.To}}}
	}
	d.store("prod", ledger.Commit{
		Minutes: []ledger.MinuteRecord{row(1, -4, ledger.Whole), row(2, -4, ledger.Missing), row(0, -3, ledger.Recovered)},
		Copies:  []ledger.CopyRecord{{Partition: 1, Minute: noon - 4, Backfill: 30, Replay: 5}},
		Gaps:    []ledger.GapRecord{gapAt(1, -3, -1, ledger.GapRequested), gapAt(2, -3, -2, ledger.GapLost)},
	})
	d.runs(process.ExitStopped, "minutes", "-config", d.conf, "-from", "-4m", "-to", "2026-01-02T12:01")
	require.Equal(t, `
MINUTE             PARTITION  RECEIVED  UNIQUE  DUPLICATE  LATE  EMITTED  BYTES  CONNECTIONS  COVERED MS  STATE
2026-01-02T11:56Z          1       200     100        100     1       99  12345            2       59900  whole
2026-01-02T11:56Z          2       200     100        100     1       99  12345            2       59900  gap
2026-01-02T11:57Z        any       200     100        100     1       99  12345            2       59900  recovered
2026-01-02T11:57Z          1         -       -          -     -        -      -            -           -  gap
2026-01-02T11:57Z          2         -       -          -     -        -      -            -           -  lost
2026-01-02T11:58Z          1         -       -          -     -        -      -            -           -  gap
2026-01-02T11:58Z          2         -       -          -     -        -      -            -           -  unknown
2026-01-02T11:59Z          1         -       -          -     -        -      -            -           -  open
2026-01-02T11:59Z          2         -       -          -     -        -      -            -           -  open
2026-01-02T12:00Z          1         -       -          -     -        -      -            -           -  open
2026-01-02T12:00Z          2         -       -          -     -        -      -            -           -  open
`, "\n"+d.stdout.String())
	d.runs(process.ExitStopped, "minutes", "-config", d.conf, "-json")
	var doc minutesDocument
	d.read(&doc)
	require.Equal(t, minuteTime(noon-60), doc.Streams[0].From)
	require.Equal(t, minuteTime(noon), doc.Streams[0].To)
	require.Len(t, doc.Streams[0].Minutes, 2*60+1)
	require.Equal(t, minuteLine{Minute: minuteTime(noon - 4), Partition: 1, Received: 200, Unique: 100, Duplicate: 100,
		Redundant: 65, Backfill: 30, Replay: 5, Late: 1, Emitted: 99,
		Bytes: 12345, Connections: 2, CoveredMS: 59900, State: "whole", Stored: true, Settled: true}, doc.Streams[0].Minutes[2*56])
}

// Where outputs acknowledge, the table and -json say how many Tweets were delivered.
func TestMinutesDelivered(t *testing.T) {
	d := newRig(t, "prod")
	row := ledger.MinuteRecord{Partition: 1, Minute: noon - 2, Received: 9, Unique: 9, Emitted: 9, State: ledger.Whole}
	other := ledger.MinuteRecord{Partition: 1, Minute: noon - 1, Received: 9, Unique: 9, Emitted: 9, State: ledger.Whole}
	d.store("prod", ledger.Commit{Minutes: []ledger.MinuteRecord{row, other},
		Deliveries: []ledger.DeliveryRecord{{Partition: 1, Minute: noon - 2, Tracked: ledger.Tracked{Delivered: 7}}}})
	d.runs(process.ExitStopped, "minutes", "-config", d.conf, "-from", "-2m", "-to", "now")
	require.Regexp(t, `EMITTED +DELIVERED +WAITING +BYTES`, d.stdout.String())
	require.Regexp(t, `11:58Z .* 9 +7 +2 +0 .*whole`, d.stdout.String())
	require.Regexp(t, `11:59Z .* 9 +- +- +0 .*whole`, d.stdout.String())
	d.runs(process.ExitStopped, "minutes", "-config", d.conf, "-json")
	require.Contains(t, d.stdout.String(), `"delivered": 7`)
}

// A minute that is long over is not open, whatever its row says: a gap that is dark lasts until now. One whose Tweets wait
// for an output does not count them yet. One that was emitted before outputs acknowledged has no word of theirs.
func TestMinutesThatWait(t *testing.T) {
	d := newRig(t, "prod")
	dark := gapAt(1, -8, -7, ledger.GapOpen)
	dark.Dark = true
	s := d.keep("prod", ledger.Commit{
		Minutes: []ledger.MinuteRecord{
			{Partition: 1, Minute: noon - 8, State: ledger.Open, Received: 5, Unique: 5, Emitted: 5},
			{Partition: 1, Minute: noon - 4, State: ledger.Open},
			{Partition: 2, Minute: noon - 8, State: ledger.Whole, Received: 9, Unique: 9, Emitted: 9},
			{Partition: 2, Minute: noon - 7, State: ledger.Whole, Received: 9, Unique: 9, Emitted: 9},
			{Partition: 2, Minute: noon - 4, State: ledger.Open, Received: 1792, Duplicate: 1792},
			{Partition: 2, Minute: noon - 1, State: ledger.Open, Received: 7, Duplicate: 7},
		},
		Deliveries: []ledger.DeliveryRecord{
			{Partition: 2, Minute: noon - 8, Tracked: ledger.Tracked{Untracked: 9}},
			{Partition: 2, Minute: noon - 7, Tracked: ledger.Tracked{Delivered: 4, Refused: 1, Untracked: 2}},
			{Partition: 2, Minute: noon - 4},
		},
		Gaps:       []ledger.GapRecord{dark},
		Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: (noon - 8).Milli(), Position: (noon - 8).Milli()}, {Partition: 2, Begin: (noon - 7).Milli(), Position: (noon - 4).Milli()}},
	})
	defer s.Close()
	d.console.width = 80
	d.runs(process.ExitStopped, "minutes", "-config", d.conf)
	require.Equal(t, `
MINUTE             PARTITION  UNIQUE  EMITTED  DELIVERED  WAITING  STATE
2026-01-02T11:52Z          1       5        5          -        -  gap
2026-01-02T11:52Z          2       9        9          -        -  whole
2026-01-02T11:53Z          1       -        -          -        -  gap
2026-01-02T11:53Z          2       9        9          4        2  whole
2026-01-02T11:54Z          1       -        -          -        -  gap
2026-01-02T11:54Z          2       -        -          -        -  unknown
2026-01-02T11:55Z          1       -        -          -        -  gap
2026-01-02T11:55Z          2       -        -          -        -  unknown
2026-01-02T11:56Z          1       0        0          -        -  gap
2026-01-02T11:56Z          2       -        -          -        -  open
2026-01-02T11:57Z          1       -        -          -        -  gap
2026-01-02T11:57Z          2       -        -          -        -  unknown
2026-01-02T11:58Z          1       -        -          -        -  gap
2026-01-02T11:58Z          2       -        -          -        -  unknown
2026-01-02T11:59Z          1       -        -          -        -  gap
2026-01-02T11:59Z          2       0        0          -        -  open
`, "\n"+d.stdout.String(), "the ledger's first minute is the first line")
	d.runs(process.ExitStopped, "minutes", "-config", d.conf, "-from", "11:00")
	require.Contains(t, d.stdout.String(), "2026-01-02T11:00Z          1       -        -          -        -  unknown", "what is asked for is shown")
}
