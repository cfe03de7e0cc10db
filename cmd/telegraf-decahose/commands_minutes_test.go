//go:build linux

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestMinutes(t *testing.T) {
	d := newDesk(t, "prod")
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
	d.runs(exitStopped, "minutes", "-config", d.conf, "-from", "-4m", "-to", "2026-01-02T12:01")
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
	d.runs(exitStopped, "minutes", "-config", d.conf, "-json")
	var doc minutesDocument
	d.read(&doc)
	require.Equal(t, minuteTime(noon-60), doc.Streams[0].From)
	require.Equal(t, minuteTime(noon), doc.Streams[0].To)
	require.Len(t, doc.Streams[0].Minutes, 2*60+1)
	require.Equal(t, minuteLine{Minute: minuteTime(noon - 4), Partition: 1, Received: 200, Unique: 100, Duplicate: 100,
		Redundant: 65, Backfill: 30, Replay: 5, Late: 1, Emitted: 99,
		Bytes: 12345, Connections: 2, CoveredMS: 59900, State: "whole", Stored: true}, doc.Streams[0].Minutes[2*56])
}

// Where outputs acknowledge, the table and -json say how many Tweets were delivered.
func TestMinutesDelivered(t *testing.T) {
	d := newDesk(t, "prod")
	row := ledger.MinuteRecord{Partition: 1, Minute: noon - 2, Received: 9, Unique: 9, Emitted: 9, State: ledger.Whole}
	other := ledger.MinuteRecord{Partition: 1, Minute: noon - 1, Received: 9, Unique: 9, Emitted: 9, State: ledger.Whole}
	d.store("prod", ledger.Commit{Minutes: []ledger.MinuteRecord{row, other},
		Deliveries: []ledger.DeliveryRecord{{Partition: 1, Minute: noon - 2, Tracked: ledger.Tracked{Delivered: 7}}}})
	d.runs(exitStopped, "minutes", "-config", d.conf, "-from", "-2m", "-to", "now")
	require.Regexp(t, `EMITTED +DELIVERED +BYTES`, d.stdout.String())
	require.Regexp(t, `11:58Z .* 9 +7 +0 .*whole`, d.stdout.String())
	require.Regexp(t, `11:59Z .* 9 +- +0 .*whole`, d.stdout.String())
	d.runs(exitStopped, "minutes", "-config", d.conf, "-json")
	require.Contains(t, d.stdout.String(), `"delivered": 7`)
}
