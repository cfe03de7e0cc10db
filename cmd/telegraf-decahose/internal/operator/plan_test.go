package operator

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// noon is the minute at which these tests happen.
var noon = timeline.MinuteOf(time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC).UnixMilli())

// gapAt lasts from one minute to another, counted from noon.
func gapAt(partition int, from, to timeline.Minute, state ledger.GapState) ledger.GapRecord {
	return ledger.GapRecord{Partition: partition, State: state, Cause: "eof",
		Span: timeline.Span{From: (noon + from).Milli(), To: (noon + to).Milli()}}
}

func replayRules() refill.Rules {
	return refill.Rules{Method: refill.Replay, Window: time.Hour, Delay: 30 * time.Minute, Horizon: 120 * time.Hour, Jobs: 1}
}

// What the plugin says is shown while it runs, and nothing is made up where it does not say.
func TestNextStep(t *testing.T) {
	said := ledger.StepRecord{Partition: 1, First: noon - 3, Text: "Replay refused (403), again 12:04:10", At: noon.Nano() + 250e9}
	for name, test := range map[string]struct {
		gap     ledger.GapRecord
		stopped bool
		want    string
	}{
		"said":            {gap: gapAt(1, -3, -1, ledger.GapOpen), want: said.Text},
		"of another gap":  {gap: gapAt(1, -2, -1, ledger.GapOpen), want: "not decided yet"},
		"other partition": {gap: gapAt(2, -3, -1, ledger.GapOpen), want: "not decided yet"},
		"not running":     {gap: gapAt(1, -3, -1, ledger.GapRequested), stopped: true, want: "none: the plugin is not running"},
		"lost":            {gap: gapAt(1, -3, -1, ledger.GapLost), want: "lost"},
		"recovered":       {gap: gapAt(1, -3, -1, ledger.GapRecovered), want: "done"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &plan{live: !test.stopped, steps: map[gapName]ledger.StepRecord{{1, noon - 3}: said}}
			text, at := p.next(&test.gap)
			require.Equal(t, test.want, text)
			require.Equal(t, text == said.Text, at != nil)
			if at != nil {
				require.Equal(t, said.At, at.UnixNano())
			}
		})
	}
}

// A dark gap has grown up to now, whatever was stored of it last.
func TestDarkMinutesGrow(t *testing.T) {
	p := &plan{now: noon.Milli() + 1}
	g := gapAt(1, -12, -10, ledger.GapOpen)
	g.Dark = true
	first, end := p.minutes(&g)
	require.Equal(t, [2]timeline.Minute{noon - 12, noon + 1}, [2]timeline.Minute{first, end})
	g.Dark = false
	_, end = p.minutes(&g)
	require.Equal(t, noon-10, end)
}

func TestExpires(t *testing.T) {
	p := &plan{rules: replayRules(), now: noon.Milli()}
	g := gapAt(1, -10, -5, ledger.GapOpen)
	require.Equal(t, "119h49m", expiryText(p.expires(&g), milliTime(p.now)))
	g = gapAt(1, -8000, -5, ledger.GapOpen)
	require.Equal(t, "expired", expiryText(p.expires(&g), milliTime(p.now)))
	g.State = ledger.GapLost
	require.Nil(t, p.expires(&g))
	require.Empty(t, expiryText(nil, milliTime(p.now)))
}

func TestGiveUp(t *testing.T) {
	shape := func(rows []ledger.GapRecord) (parts []string) {
		for _, r := range rows {
			first, end := gapMinutes(&r)
			text := r.State.String() + " " + time.Duration(int64(first-noon)*6e10).String() + " " + time.Duration(int64(end-noon)*6e10).String()
			if r.Dark {
				text += " dark"
			}
			parts = append(parts, text)
		}
		return parts
	}
	w := wish{partition: 1, from: noon - 20, to: noon - 10}
	for name, test := range map[string]struct {
		gap     ledger.GapRecord
		dark    bool
		want    []string
		minutes int
	}{
		"all of it":       {gapAt(1, -20, -10, 0), false, []string{"lost -20m0s -10m0s"}, 10},
		"requested":       {gapAt(1, -18, -15, ledger.GapRequested), false, []string{"lost -18m0s -15m0s"}, 3},
		"its begin":       {gapAt(1, -15, 0, 0), false, []string{"lost -15m0s -10m0s", "open -10m0s 0s"}, 5},
		"its end":         {gapAt(1, -30, -15, 0), false, []string{"open -30m0s -20m0s", "lost -20m0s -15m0s"}, 5},
		"its middle":      {gapAt(1, -30, 0, 0), true, []string{"open -30m0s -20m0s", "lost -20m0s -10m0s", "open -10m0s 0s dark"}, 10},
		"dark":            {gapAt(1, -15, -12, 0), true, []string{"lost -15m0s -12m0s"}, 3},
		"empty":           {gapAt(1, -15, -15, 0), false, []string{"lost -15m0s -14m0s"}, 1},
		"before":          {gapAt(1, -30, -20, 0), false, nil, 0},
		"behind":          {gapAt(1, -10, -5, 0), false, nil, 0},
		"other partition": {gapAt(2, -20, -10, 0), false, nil, 0},
		"recovered":       {gapAt(1, -20, -10, ledger.GapRecovered), false, nil, 0},
		"lost":            {gapAt(1, -20, -10, ledger.GapLost), false, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			test.gap.Dark, test.gap.Tweets = test.dark, 7
			rows, minutes := w.giveUp([]ledger.GapRecord{test.gap})
			require.Equal(t, test.want, shape(rows))
			require.Equal(t, test.minutes, minutes)
			tweets := int64(0)
			for _, r := range rows {
				require.Equal(t, "eof", r.Cause)
				tweets += r.Tweets
			}
			if len(rows) > 0 {
				require.EqualValues(t, 7, tweets, "Tweets are counted once")
				require.Equal(t, test.gap.Span.From, rows[0].Span.From)
				require.Equal(t, test.gap.Span.To, rows[len(rows)-1].Span.To)
			}
		})
	}
}

func TestCount(t *testing.T) {
	gaps := []ledger.GapRecord{
		gapAt(1, -25, -15, ledger.GapOpen), gapAt(2, -12, -5, ledger.GapLost), gapAt(2, -20, -18, ledger.GapRequested),
		gapAt(1, -14, -13, ledger.GapRecovered), gapAt(1, -10, 0, ledger.GapOpen),
	}
	w := wish{from: noon - 20, to: noon - 10}
	require.Equal(t, tally{amounts{10, 5, 2}, amounts{20, 7, 2}}, w.count(gaps, []int{1, 2}), "a minute that two partitions lack is one minute")
	require.Equal(t, 11, w.count(gaps, []int{1, 2}).parts.recovered())
	w.partition = 2
	require.Equal(t, tally{amounts{10, 2, 2}, amounts{10, 2, 2}}, w.count(gaps, []int{2}))
}

func TestAskable(t *testing.T) {
	now := minuteTime(noon).Add(time.Second)
	require.Equal(t, wish{from: noon - 59, to: noon}, wish{from: noon - 100, to: noon + 5}.askable(time.Hour, now))
	require.Equal(t, wish{from: noon - 10, to: noon - 5}, wish{from: noon - 10, to: noon - 5}.askable(time.Hour, now))
	require.Zero(t, wish{from: noon - 100, to: noon - 90}.askable(time.Hour, now).count(nil, []int{1}).parts.all)
}

func TestStreamTime(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	require.Equal(t, now, streamTime(ledger.Moment{Wall: 5}, now))
	m := ledger.Moment{Wall: now.Add(-time.Minute).UnixNano(), Stream: now.Add(-time.Hour).UnixMilli()}
	require.Equal(t, now.Add(-59*time.Minute), streamTime(m, now))
}
