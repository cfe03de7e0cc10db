package refill_test

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A gap of three minutes is one request, made when its last minute is old enough for X.
func ExampleRules_Next() {
	rules := refill.Rules{Method: refill.Replay, Window: time.Hour, Delay: 30 * time.Minute, Horizon: 120 * time.Hour, Jobs: 1}
	noon := timeline.MinuteOf(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	gap := refill.Missing{Partition: 1}
	gap.Minutes.Add(timeline.Span{From: noon.Milli(), To: (noon + 3).Milli()})
	for _, after := range []timeline.Minute{31, 33} {
		q, ok := rules.Next((noon + after).Milli(), []refill.Missing{gap}, nil)
		fmt.Println(int64(after), ok, int64(q.To-q.From))
	}
	// Output:
	// 31 false 0
	// 33 true 3
}
