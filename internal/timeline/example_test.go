package timeline_test

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func ExampleSet() {
	noon := timeline.MinuteOf(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	var covered timeline.Set
	covered.Add(timeline.Span{From: noon.Milli(), To: (noon + 3).Milli()})
	covered.Remove(timeline.Span{From: (noon + 1).Milli(), To: (noon + 1).Milli() + 250})
	for m := noon; m < noon+3; m++ {
		fmt.Println(m, covered.Covered(m.Span()), "ms")
	}
	// Output:
	// 2026-01-01T12:00Z 60000 ms
	// 2026-01-01T12:01Z 59750 ms
	// 2026-01-01T12:02Z 60000 ms
}
