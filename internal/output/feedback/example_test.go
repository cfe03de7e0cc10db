package feedback_test

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/feedback"
)

// An output takes nothing: its buffer fills, so that writing should pause, and then drops what came.
func ExampleLoop() {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var l feedback.Loop
	e := l.Fold(feedback.Report{Output: "file", At: noon.UnixNano(), Added: 100, Written: 100, Limit: 1000})
	fmt.Println(e.Pause, e.Dropped)
	e = l.Fold(feedback.Report{Output: "file", At: noon.Add(10 * time.Second).UnixNano(), Added: 1100, Written: 100, Size: 1000, Limit: 1000})
	fmt.Println(e.Pause, e.Dropped)
	e = l.Fold(feedback.Report{Output: "file", At: noon.Add(20 * time.Second).UnixNano(), Added: 1400, Written: 100, Dropped: 300, Size: 1000, Limit: 1000})
	fmt.Println(e.Pause, e.Dropped)
	// Output:
	// false 0
	// true 0
	// true 300
}
