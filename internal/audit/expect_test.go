package audit

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// bookOf is a book of these accounts, ten minutes after noon, that begins at noon.
func bookOf(rows map[timeline.Minute]*account) *Book {
	return &Book{Now: now, begin: noon, known: true, rows: rows, waiting: map[timeline.Minute]map[snowflake.ID]bool{}}
}

// What a store should hold: what was emitted, less what no output has accepted, and more what was taken back to be had again.
func TestExpectation(t *testing.T) {
	waits := func(n int) map[snowflake.ID]bool {
		w := map[snowflake.ID]bool{}
		for _, id := range idsOf(noon, n) {
			w[id] = true
		}
		return w
	}
	for name, c := range map[string]struct {
		of                   account
		waiting              int
		emitted, undelivered int64
		state                State
	}{
		"emitted":                      {account{emitted: 20}, 0, 20, 0, ""},
		"nothing":                      {account{}, 0, 0, 0, ""},
		"refused":                      {account{emitted: 20, refused: 3}, 3, 17, 3, ""},
		"in the spool":                 {account{emitted: 20, underway: 5}, 5, 15, 5, ""},
		"in the spool by its own word": {account{emitted: 20}, 4, 16, 4, ""},
		"refused and in the spool":     {account{emitted: 20, refused: 3, underway: 2}, 5, 15, 5, ""},
		"in memory":                    {account{emitted: 20, underway: 5}, 4, 15, 5, Settling},
		"one in memory beside refused": {account{emitted: 20, refused: 3, underway: 2}, 4, 15, 5, Settling},
		"more waits than was emitted":  {account{emitted: 2}, 9, 0, 2, ""},
		"taken back":                   {account{emitted: 18, pending: idsOf(noon, 2)}, 0, 20, 0, ""},
		"open":                         {account{emitted: 20, open: true}, 0, 20, 0, Settling},
		"a gap":                        {account{emitted: 20, gap: ledger.CauseCrash, open: true}, 0, 20, 0, Recovering},
		"a repair":                     {account{emitted: 20, gap: ledger.CauseAudit}, 0, 20, 0, Repairing},
	} {
		b := bookOf(map[timeline.Minute]*account{noon: &c.of})
		b.waiting[noon] = waits(c.waiting)
		l := b.expect(noon, noon+1, time.Minute)[0]
		require.Equal(t, []int64{c.emitted, c.undelivered, -1}, []int64{l.Emitted, l.Undelivered, l.Stored}, name)
		require.Equal(t, c.state, l.State, name)
	}
}

// A minute is judged from its end and the settle time on, to the millisecond, and from the ledger's first minute on.
func TestWhenAMinuteIsJudged(t *testing.T) {
	b := bookOf(map[timeline.Minute]*account{noon: {emitted: 1}, noon + 5: {emitted: 1}, noon - 1: {emitted: 1}})
	end := time.UnixMilli((noon + 1).Milli())
	for at, want := range map[time.Time]State{end.Add(2*time.Minute - time.Millisecond): Settling, end.Add(2 * time.Minute): "", end: Settling} {
		b.Now = at
		require.Equal(t, want, b.expect(noon, noon+1, 2*time.Minute)[0].State, at)
	}
	require.Equal(t, "the ledger begins later", b.expect(noon-1, noon, 0)[0].Why)
	b.known = false
	require.Equal(t, "the ledger has not begun", b.expect(noon, noon+1, 0)[0].Why)
	require.Empty(t, b.expect(noon, noon, 0))
}

// What was compared is weighed with what is on its way, which may have been stored already.
func TestJudging(t *testing.T) {
	for name, c := range map[string]struct {
		emitted, undelivered, stored, repairs, gone int64
		at                                          timeline.Minute
		state                                       State
		missing, surplus                            int64
	}{
		"equal":                      {20, 0, 20, 0, 0, noon + 1, Equal, 0, 0},
		"short by one":               {20, 0, 19, 0, 0, noon + 1, Missing, 1, 0},
		"one too many":               {20, 0, 21, 0, 0, noon + 1, Surplus, 0, 1},
		"what is under way is there": {15, 5, 20, 0, 0, noon + 1, Equal, 0, 0},
		"and one more":               {15, 5, 21, 0, 0, noon + 1, Surplus, 0, 1},
		"nothing":                    {0, 0, 0, 0, 0, noon + 1, Equal, 0, 0},
		"repaired once":              {20, 0, 19, 1, 0, noon + 1, Missing, 1, 0},
		"repaired twice":             {20, 0, 19, ledger.RepairsMost, 0, noon + 1, Unrepaired, 1, 0},
		"repaired and whole":         {20, 0, 20, ledger.RepairsMost, 0, noon + 1, Equal, 0, 0},
		"gone":                       {20, 0, 20, 2, 3, noon + 1, Gone, 0, 0},
		"gone, and short":            {20, 0, 19, 0, 3, noon + 1, Missing, 1, 0},
		"before the first":           {20, 0, 30, 0, 0, noon, Unknown, 0, 10},
		"short of the first":         {20, 0, 10, 0, 0, noon, Missing, 10, 0},
	} {
		b := bookOf(map[timeline.Minute]*account{c.at: {repairs: c.repairs}})
		l := Line{Minute: c.at, Emitted: c.emitted, Undelivered: c.undelivered, Stored: c.stored, Repairs: c.repairs, Gone: c.gone}
		l.judge(b)
		require.Equal(t, c.state, l.State, name)
		require.Equal(t, [2]int64{c.missing, c.surplus}, [2]int64{l.Missing, l.Surplus}, name)
		require.Equal(t, c.state == Missing || c.state == Unrepaired, l.Short(), name)
		require.Equal(t, l.Short() || c.state == Surplus, l.Differs(), name)
	}
	b := bookOf(map[timeline.Minute]*account{noon: {repairs: 1, pending: idsOf(noon, 3)}})
	require.Equal(t, "3 Tweets were asked for again and have not come", b.repairedWhy(noon))
}

// Open gaps hold their minutes, the first and the last touched included; a gap in the dark holds all up to now; what is over holds none.
func TestGapsHoldTheirMinutes(t *testing.T) {
	second := func(m timeline.Minute, s int64) int64 { return m.Milli() + s*1000 }
	c := &ledger.Commit{Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: noon.Milli(), Position: (noon + 9).Milli()}},
		Gaps: []ledger.GapRecord{
			{Partition: 1, Span: timeline.Span{From: second(noon, 59), To: second(noon+2, 1)}, Cause: "reset"},
			{Partition: 1, Span: timeline.Span{From: second(noon+3, 0), To: second(noon+4, 0)}, Cause: "eof", State: ledger.GapRequested},
			{Partition: 2, Span: timeline.Span{From: second(noon+5, 0), To: second(noon+6, 0)}, Cause: "eof", State: ledger.GapLost},
			{Partition: 2, Span: timeline.Span{From: second(noon+6, 0), To: second(noon+7, 0)}, Cause: "eof", State: ledger.GapRecovered},
			{Partition: 2, Span: timeline.Span{From: second(noon+8, 30), To: second(noon+8, 30)}, Cause: "crash", Dark: true},
		}}
	for m := noon; m < noon+12; m++ {
		booked(c, m, 1)
	}
	dir, r := stateOf(t, c)
	b, err := ReadBook(dir, r, noon-2, noon+12, now)
	require.NoError(t, err)
	var gaps strings.Builder
	for m := noon; m < noon+12; m++ {
		word := "-"
		if g := b.rows[m].gap; g != "" {
			word = g[:1]
		}
		gaps.WriteString(word)
	}
	require.Equal(t, "rrre----cc--", gaps.String())
	b, err = ReadBook(dir, r, noon+1, noon+2, now)
	require.NoError(t, err)
	require.Len(t, b.rows, 1, "no more than is asked for")
}

// Questions are about an hour at most; after one that failed none is asked.
func TestQuestionsAreBounded(t *testing.T) {
	rows := map[timeline.Minute]*account{}
	for m := noon; m < noon+200; m++ {
		rows[m] = &account{}
	}
	b := bookOf(rows)
	b.Now = now.Add(24 * time.Hour)
	s := &fakeStore{of: map[timeline.Minute][]snowflake.ID{}}
	ask := Ask{From: noon, To: noon + 150, Settle: time.Minute, Timeout: time.Minute}
	lines, err := Compare(t.Context(), b, s, ask)
	require.NoError(t, err)
	require.Len(t, lines, 150)
	require.Equal(t, []timeline.Span{{From: int64(noon), To: int64(noon + 60)}, {From: int64(noon + 60), To: int64(noon + 120)}, {From: int64(noon + 120), To: int64(noon + 150)}}, s.asked)
	for i, l := range lines {
		require.Equal(t, Equal, l.State)
		require.Equal(t, noon+timeline.Minute(i), l.Minute)
	}
	s.fails, s.asked = errors.New("down"), nil
	lines, err = Compare(t.Context(), b, s, ask)
	require.Error(t, err)
	require.Len(t, s.asked, 1)
	require.Len(t, lines, 150)
	require.Equal(t, Unknown, lines[149].State)
}

// A store that does not answer within its time is told so; who stops asking is not told that.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) (int, error) { <-ctx.Done(); return 7, ctx.Err() }
		began := time.Now()
		_, err := within(t.Context(), 30*time.Second, hangs)
		require.ErrorContains(t, err, "the store did not answer within 30s")
		require.Equal(t, 30*time.Second, time.Since(began))
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		_, err = within(ctx, 30*time.Second, hangs)
		require.ErrorIs(t, err, context.Canceled)
		require.NotContains(t, err.Error(), "did not answer")
		n, err := within(t.Context(), time.Second, func(context.Context) (int, error) { return 5, nil })
		require.NoError(t, err)
		require.Equal(t, 5, n)
	})
}

// An id of more than 53 bits that went through a float is another; few are their own.
func TestRoundedCounts(t *testing.T) {
	odd := snowflake.ID(2006696907371446273)
	as := snowflake.ID(float64(odd))
	require.NotEqual(t, odd, as)
	require.Equal(t, 1, rounded([]ledger.Sent{{ID: odd}, {ID: odd + 2000}}, []snowflake.ID{as}))
	require.Zero(t, rounded([]ledger.Sent{{ID: as}}, []snowflake.ID{as}), "it is what it is")
	require.Zero(t, rounded([]ledger.Sent{{ID: odd}}, nil))
	require.Zero(t, rounded(nil, []snowflake.ID{as}))
}

// What may be had again is bounded by Tweets, by one minute at least, and by the horizon to the minute.
func TestWanted(t *testing.T) {
	b := bookOf(nil)
	b.Now = time.UnixMilli((noon + 10).Milli())
	lines := []Line{lacking(noon, 9, idsOf(noon, 5)...), lacking(noon+1, 9, idsOf(noon+1, 3)...), equal(noon + 2),
		{Minute: noon + 3, State: Unrepaired, Lacking: []ledger.Sent{{ID: 1}}}, lacking(noon+4, 9, idsOf(noon+4, 1)...), {Minute: noon + 5, State: Missing, Lacking: []ledger.Sent{}}}
	for most, want := range map[int][2]int{1: {5, 1}, 5: {5, 1}, 6: {6, 2}, 8: {8, 2}, 9: {9, 3}} {
		sent, minutes, err := Wanted(b, lines, time.Hour, most)
		require.NoError(t, err)
		require.Equal(t, want, [2]int{len(sent), minutes}, most)
	}
	for horizon, want := range map[time.Duration]int{10 * time.Minute: 3, 10*time.Minute - 1: 2, 9 * time.Minute: 2, 8 * time.Minute: 1, 0: 0} {
		_, minutes, err := Wanted(b, lines, horizon, 100)
		require.NoError(t, err)
		require.Equal(t, want, minutes, horizon)
	}
}

// What was ordered is not waited for: that it comes is the repair, and no sign that the outputs were behind.
func TestWhatWasOrderedMayCome(t *testing.T) {
	ids := idsOf(noon, 4)
	var w Watch
	require.Empty(t, w.Look([]Line{lacking(noon, 100, ids...), equal(noon + 1)}, now))
	w.Ordered([]ledger.Sent{{ID: ids[0]}, {ID: ids[1]}})
	require.Empty(t, w.Look([]Line{lacking(noon, 100, ids[2:]...), equal(noon + 1)}, now.Add(time.Minute)))
	require.NotEmpty(t, w.Look([]Line{lacking(noon, 100, ids[3]), equal(noon + 1)}, now.Add(2*time.Minute)))
	w = Watch{}
	require.Empty(t, w.Look([]Line{lacking(noon, 100, ids...), equal(noon + 1)}, now))
	require.Empty(t, w.Look([]Line{{Minute: noon, State: Unknown, Stored: -1}, equal(noon + 1)}, now.Add(time.Minute)), "what is not known has not come")
}

// The newest minute that was compared says whether outputs stand still: from more than half on.
func TestLateNewest(t *testing.T) {
	settling := Line{Minute: noon + 2, State: Settling, Stored: -1, Emitted: 50}
	none := Line{Minute: noon + 2, State: Equal}
	for name, c := range map[string]struct {
		lines []Line
		want  bool
	}{
		"nothing":              {nil, false},
		"half":                 {[]Line{{State: Missing, Emitted: 10, Stored: 5, Missing: 5}}, false},
		"more":                 {[]Line{{State: Missing, Emitted: 10, Stored: 4, Missing: 6}}, true},
		"before what settles":  {[]Line{{State: Missing, Emitted: 10, Missing: 10}, settling}, true},
		"before an empty one":  {[]Line{{State: Missing, Emitted: 10, Missing: 10}, none}, true},
		"a whole one is newer": {[]Line{{State: Missing, Emitted: 10, Missing: 10}, equal(noon)}, false},
		"it stays short":       {[]Line{{State: Unrepaired, Emitted: 10, Missing: 10}}, false},
	} {
		require.Equal(t, c.want, lateNewest(c.lines), name)
	}
}

func TestShort(t *testing.T) {
	lines := []Line{{State: Unrepaired}, {State: Missing}, {State: Gone}}
	require.Equal(t, []Line{{State: Missing}, {State: Missing}, {State: Gone}}, Short(lines, true))
	require.Equal(t, lines, Short(lines, false))
	require.Equal(t, Unrepaired, lines[0].State, "the lines are their owner's")
}

func TestTotals(t *testing.T) {
	lines := []Line{{Minute: 1, State: Settling, Stored: -1, Emitted: 99}, {Minute: 2, State: Unknown, Stored: -1}, {Minute: 3, State: Surplus, Stored: 9, Emitted: 7, Surplus: 2},
		{Minute: 4, State: Unrepaired, Stored: 1, Emitted: 2, Missing: 1}, {Minute: 5, State: Missing, Stored: 1, Emitted: 4, Missing: 3}, {Minute: 6, State: Surplus, Surplus: 1}}
	s := Total(lines)
	require.Equal(t, map[State]int{Settling: 1, Unknown: 1, Surplus: 2, Unrepaired: 1, Missing: 1}, s.Minutes)
	require.Equal(t, []int64{13, 11, 4, 3}, []int64{s.Emitted, s.Stored, s.Missing, s.Surplus}, "of what was compared")
	require.Equal(t, []*Line{&lines[3], &lines[1], &lines[3], &lines[2]}, []*Line{s.FirstShort, s.FirstUnknown, s.FirstUnrepaired, s.FirstOver})
	p := Health{Runs: 7, Failures: 2, OK: true, Took: 1500 * time.Millisecond}.Point("prod", "pg", &s, now)
	fields := map[string]any{}
	for _, f := range p.Fields {
		fields[f.Key] = f.Value
	}
	require.Equal(t, map[string]any{"runs": int64(7), "failures": int64(2), "store_ok": true, "took_ms": int64(1500), "minutes_equal": int64(0), "minutes_missing": int64(2),
		"minutes_repairing": int64(0), "minutes_unknown": int64(1), "minutes_gone": int64(0), "missing": int64(4), "surplus": int64(3)}, fields)
	require.Equal(t, now.UnixNano(), p.Time)
}
