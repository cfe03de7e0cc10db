package ledger_test

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Each record is posted to one minute of one partition, before anything can drop it.
func ExampleBook() {
	noon := timeline.MinuteOf(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	b := ledger.NewBook(1, 2)
	r := b.Row(noon)
	r.PostUnique(noon.Milli(), 5000)
	r.PostDuplicate(ledger.Redundant, 5000)
	fmt.Println(r.Received, r.Unique, r.Duplicate, r.Balanced())
	// Output:
	// 2 1 1 true
}
