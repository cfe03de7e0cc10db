package core

import (
	"fmt"
	"testing"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// BenchmarkDeciding is the cost of one tick, once a second in service, of a stream with gaps of so many minutes in all,
// for which X was asked and all requests are under way or used up.
func BenchmarkDeciding(b *testing.B) {
	for _, days := range []int{0, 1, 5} {
		for _, gaps := range []int{1, 100} {
			b.Run(fmt.Sprintf("days=%d/gaps=%d", days, gaps), func(b *testing.B) {
				now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
				c := New(Config{Partitions: []int{1, 2}, Connections: 2, ConnectLimit: 10, ConnectPeriod: time.Minute, DedupWindow: time.Hour,
					SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second, State: true, Past: withGaps(now, days, gaps),
					Recovery: refill.Rules{Method: refill.Replay, Window: time.Hour, Horizon: 6 * 24 * time.Hour, Jobs: 1, Limit: 1, Period: xapi.RequestPeriod}})
				var out Ready
				goLive(c, &now, &out)
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					now = now.Add(time.Second)
					c.Step(now, Event{Kind: Tick}, &out)
					if out.Commit != nil {
						c.Step(now, Event{Kind: Committed}, &out)
					}
				}
			})
		}
	}
}

// withGaps is what a process left that has missed so many days, in so many gaps to each partition.
func withGaps(now time.Time, days, gaps int) *ledger.Past {
	past := &ledger.Past{Known: true, Moment: ledger.Moment{Wall: now.UnixNano(), Stream: now.UnixMilli()}}
	begin := timeline.MinuteOf(now.UnixMilli()) - timeline.Minute(days*24*60) - 10
	for p := 1; p <= 2; p++ {
		past.Partitions = append(past.Partitions, ledger.PartitionRecord{Partition: p, Begin: begin.Milli(), Position: now.UnixMilli()})
		length := timeline.Minute(days * 24 * 60 / gaps)
		for k := range timeline.Minute(gaps) {
			if length > 0 {
				from := begin + k*length
				past.Gaps = append(past.Gaps, ledger.GapRecord{Partition: p, Span: timeline.Span{From: from.Milli(), To: (from + max(1, length-1)).Milli()}, Cause: ledger.CauseCrash})
			}
		}
	}
	return past
}

// goLive has all connections bring Tweets for some seconds, so that the stream's time is known.
func goLive(c *Core, now *time.Time, out *Ready) {
	id := func() snowflake.ID { return snowflake.ID((now.UnixMilli() - 1288834974657) << 22) }
	for range 30 {
		*now = now.Add(time.Second)
		c.Step(*now, Event{Kind: Tick}, out)
		if out.Commit != nil {
			c.Step(*now, Event{Kind: Committed}, out)
		}
		for _, k := range append([]Connect(nil), out.Connect...) {
			c.Step(*now, Event{Kind: Opened, Conn: k.Conn}, out)
		}
		for i := range c.Conns() {
			text := fmt.Appendf(nil, `{"created_at":"x","id":%d,"id_str":"%[1]d","text":"x","user":{"id":1}}`, id())
			c.Step(*now, Event{Kind: Received, Conn: i, Batch: &wire.Batch{Frames: []wire.Frame{{Kind: wire.Record, ID: id(), Data: text}}}}, out)
		}
	}
}
