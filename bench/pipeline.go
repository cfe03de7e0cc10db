package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// benchPipeline compares the whole road from compressed bytes to line protocol, on one core.
func benchPipeline(r *report, c *corpus, rounds int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	road := func(run func(*corpus, io.Writer) (tally, error)) func() (tally, error) {
		return func() (tally, error) { return run(c, null) }
	}
	contenders := []contender{{"ours", road(runOurs)}, {"naive", road(runNaive)}, {"library", road(runLibrary)}}
	times, err := roundRobin(rounds, contenders)
	if err != nil {
		return err
	}
	r.section("whole pipeline, 2 redundant connections, 1 core")
	for i, k := range contenders {
		r.times(k.name, times[i], 2*len(c.records), 2*c.bytes)
	}
	r.ratio("pipeline_x_naive", times[1], times[0])
	r.ratio("pipeline_x_library", times[2], times[0])
	return nil
}

// benchAllocs counts heap allocations of the whole pipeline once its buffers have grown and its dedup
// window has turned over: the window is a sixth of the corpus, and time is that of the ids.
func benchAllocs(r *report, c *corpus) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	length := time.Duration(len(c.records)) * time.Second / worldRate
	p, err := newPipeline([][]byte{c.a, c.b}, io.Discard, length/6)
	if err != nil {
		return err
	}
	now := time.Now()
	p.clock = func(b *wire.Batch) time.Time {
		if b != nil && len(b.Frames) > 0 {
			if at := b.Frames[len(b.Frames)-1].ID.Time(); at.After(now) {
				now = at
			}
		}
		return now
	}
	now = time.UnixMilli(now.UnixMilli()).Add(-2 * length)
	p.open(now)
	var warm, end runtime.MemStats
	from := -1
	err = p.run(func() {
		if from < 0 && p.tally.received >= len(c.records) { // half of what both connections deliver
			from = p.tally.received
			runtime.ReadMemStats(&warm)
		}
	})
	runtime.ReadMemStats(&end)
	if err != nil {
		return err
	}
	records := p.tally.received - from
	allocs := end.Mallocs - warm.Mallocs
	r.section("heap, whole pipeline, steady state")
	r.line("%-28s %8d records, %d allocations, %d bytes", "ours", records, allocs, end.TotalAlloc-warm.TotalAlloc)
	r.figure("allocs_per_record", float64(allocs)/float64(records))
	return nil
}

// percentile of unsorted values; p from 0 to 1.
func percentile(all []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
