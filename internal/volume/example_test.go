package volume_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/volume"
)

// Two connections delivered 900 Tweets both, and 50 and 40 alone: some two were delivered by neither.
func ExampleEstimateOf() {
	histories := []int64{0b00: 0, 0b01: 50, 0b10: 40, 0b11: 900}
	e := volume.EstimateOf(histories)
	fmt.Printf("missed %.1f, error %.1f, from %.0f to %.0f\n", e.Missed, e.Error, e.Low, e.High)
	// Output:
	// missed 2.2, error 1.6, from 0 to 8
}
