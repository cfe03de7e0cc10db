package volume_test

import (
	"testing"

	"github.com/decahose/telegraf-decahose/internal/sim/volumes"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// BenchmarkClose is the cost of a minute of two partitions, with six weeks of history. Nothing is done by Tweet.
func BenchmarkClose(b *testing.B) {
	s := volumes.NewStream(volumes.Calm, 1)
	j := volumes.Learned(s, volumes.Warm)
	m := s.Next(volumes.Loss{})
	b.ReportAllocs()
	for b.Loop() {
		j.Close(m)
		m.Minute++
	}
}

// BenchmarkLearn is the cost of a minute of one partition of the ledger, at the start.
func BenchmarkLearn(b *testing.B) {
	j := volume.New(volume.Config{Partitions: []int{1, 2}, Connections: 2})
	m := timeline.Minute(30_000_000)
	b.ReportAllocs()
	for b.Loop() {
		j.Learn(m, 1, 12_000)
		j.Learn(m, 2, 12_000)
		m++
	}
}

// BenchmarkEstimate is the cost of one estimate, of four connections.
func BenchmarkEstimate(b *testing.B) {
	histories := make([]int64, 16)
	for i := range histories {
		histories[i] = int64(100 * i)
	}
	b.ReportAllocs()
	for b.Loop() {
		volume.EstimateOf(histories)
	}
}
