package core

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/fill"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/sim/volumes"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// outage is a core that knows the days around a gap of both partitions, and nothing of the gap itself.
type outage struct {
	core  *Core
	first timeline.Minute
	truth []int64 // Tweets of each minute of the gap
}

// newOutage lets a stream run for eight days, with a gap of so many minutes on the last.
func newOutage(w volumes.Weather, minutes int, seed uint64) (o outage) {
	const warm = 8 * 24 * 60
	s, h := volumes.NewStream(w, seed), ledger.NewHistory()
	begin := warm - rand.New(rand.NewPCG(seed, 1)).IntN(20*60) - minutes - 60
	last := timeline.Minute(0)
	for k := range warm {
		m := s.Past()
		if last = m.Minute; k >= begin && k < begin+minutes {
			if k == begin {
				o.first = m.Minute
			}
			o.truth = append(o.truth, m.Parts[0].Unique+m.Parts[1].Unique)
			continue
		}
		h.Set(1, m.Minute, m.Parts[0].Unique)
		h.Set(2, m.Minute, m.Parts[1].Unique)
	}
	now := time.UnixMilli((last + 1).Milli())
	o.core = New(Config{Partitions: []int{1, 2}, Connections: 2, ConnectLimit: 10, ConnectPeriod: time.Minute, Interval: time.Minute, FalseAlarms: 0.01,
		Recovery: refill.Rules{Method: refill.Replay, Horizon: 120 * time.Hour, Window: time.Hour, Jobs: 1, Limit: 5, Period: time.Minute},
		Past:     &ledger.Past{Known: true, Clean: true, Hours: h.Take(), Moment: ledger.Moment{Wall: now.UnixNano(), Stream: now.UnixMilli()}}})
	var out Ready
	o.core.Step(now, Event{Kind: Tick}, &out)
	for _, p := range o.core.partitions {
		o.core.gaps.Lack(p.index, timeline.Span{From: o.first.Milli(), To: (o.first + timeline.Minute(minutes)).Milli()}, "test")
	}
	return o
}

// TestRealDaysAreNotThin: what a Replay brings of days as they are is never thin, at night, in bursts and in rough weather;
// a tenth of it always is, and near a gap's ends less than half.
func TestRealDaysAreNotThin(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates months")
	}
	for _, w := range []volumes.Weather{volumes.Calm, volumes.Rough} {
		for seed, minutes := range []int{3, 20, 100, 360, 600} {
			o := newOutage(w, minutes, uint64(seed)+7)
			for i, n := range o.truth {
				m := o.first + timeline.Minute(i)
				y := o.core.scale.Expect(ledger.AnyPartition, m)
				require.Equal(t, refill.Full, y.Judge(n), "%s, minute %d of %d: %d of %+v", w.Name, i, minutes, n, y)
				require.Equal(t, refill.Thin, y.Judge(n/10), "%s, minute %d of %d: a tenth of %d of %+v", w.Name, i, minutes, n, y)
				if i < 10 {
					require.Equal(t, refill.Thin, y.Judge(n*2/5), "%s, minute %d of %d: two fifths of %d of %+v", w.Name, i, minutes, n, y)
				}
			}
		}
	}
}

// TestFewTweetsProveNothing: a stream of a Tweet every few seconds cannot show that a minute is thin.
func TestFewTweetsProveNothing(t *testing.T) {
	y := refill.Yardstick{Expected: 12, Share: refill.Near}
	require.Equal(t, refill.Unproven, y.Judge(0))
	require.Equal(t, refill.Unproven, refill.Yardstick{}.Judge(100))
}

// TestPartOfAMinuteIsJudgedByItself: of a minute whose last seconds are missing the others say nothing, nor do those before
// the cut with which the gap begins.
func TestPartOfAMinuteIsJudgedByItself(t *testing.T) {
	o := newOutage(volumes.Calm, 2, 1)
	c, m := o.core, o.first
	for _, p := range c.partitions {
		c.gaps.Fill(p.index, m.Span(), "test")
		c.gaps.Lack(p.index, timeline.Span{From: m.Milli() + 40_000, To: (m + 1).Milli()}, "test")
		for ms := m.Milli(); ms < m.Milli()+50_000; ms += 5 {
			p.book.Row(m).PostUnique(ms, 100)
		}
	}
	w := c.scale.Weigh(ledger.AnyPartition, m, fill.NotAsked)
	require.Equal(t, refill.Thin, w.Fullness, "%+v", w)
	for ms := m.Milli() + 50_000; ms < (m + 1).Milli(); ms += 3 {
		c.any.book.Row(m).PostUnique(ms, 100)
	}
	w = c.scale.Weigh(ledger.AnyPartition, m, fill.NotAsked)
	require.Equal(t, refill.Full, w.Fullness, "%+v", w)
}
