//go:build unix

package tweet

import (
	"encoding/json"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRatio compares Parse with encoding/json round by round, in CPU time, so that a busy
// machine slows both alike; it reports the median.
func BenchmarkRatio(b *testing.B) {
	rec, p := sampleRecord(), NewParser(false)
	var tw Tweet
	var ratios, own []float64
	for b.Loop() {
		fast := cpuTime(func() {
			p.Reset()
			_ = p.Parse(rec, &tw)
		})
		slow := cpuTime(func() {
			var plain plainTweet
			_ = json.Unmarshal(rec, &plain)
		})
		ratios, own = append(ratios, float64(slow)/float64(fast)), append(own, float64(fast))
	}
	slices.Sort(ratios)
	slices.Sort(own)
	b.ReportMetric(ratios[len(ratios)/2], "x_encoding_json")
	b.ReportMetric(own[len(own)/2], "ns_cpu/record")
}

func cpuTime(f func()) time.Duration {
	const rounds = 400
	start := usage()
	for range rounds {
		f()
	}
	return (usage() - start) / rounds
}

func usage() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
