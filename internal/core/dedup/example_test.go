package dedup_test

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/dedup"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

func ExampleSet() {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ids := dedup.New(time.Hour)
	id := snowflake.First(now.UnixMilli())
	for connection := range uint8(2) { // each looks first, and marks what proved whole
		known, before := ids.Seen(id, now, connection)
		if !known {
			ids.Mark(id, now, connection)
		}
		fmt.Println(known, before)
	}
	ids.Expire(now.Add(3 * time.Hour))
	fmt.Println(ids.Len())
	// Output:
	// false 0
	// true 1
	// 0
}
