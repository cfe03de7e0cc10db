package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// tally is what a contender says of the records it saw; all must say the same.
type tally struct {
	received, fresh, duplicate int
	sum                        uint64 // of the new ids, so that order does not matter
}

func (t *tally) add(id int64) {
	t.fresh++
	t.sum += uint64(id) * 0x9e3779b97f4a7c15
}

// contender is one way to do the same work. run is measured as a whole.
type contender struct {
	name string
	run  func() (tally, error)
}

// series are one contender's times, one per round.
type series []time.Duration

// roundRobin runs every contender once per round, each round beginning with another one, and compares
// what they tallied. A time is the process's CPU time, garbage collection included.
func roundRobin(rounds int, all []contender) ([]series, error) {
	times := make([]series, len(all))
	var want *tally
	for round := range rounds {
		for k := range all {
			i := (k + round) % len(all)
			runtime.GC()
			before := cpuTime()
			got, err := all[i].run()
			times[i] = append(times[i], cpuTime()-before)
			if err != nil {
				return nil, fmt.Errorf("run %s: %w", all[i].name, err)
			}
			if want == nil {
				want = &got
			}
			if got != *want {
				return nil, fmt.Errorf("%w: %s tallied %+v, the first %+v", errDisagree, all[i].name, got, *want)
			}
		}
	}
	return times, nil
}

// cpuTime is what this process has used, user and system.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic("BUG: getrusage: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (s series) median() time.Duration { return median(s) }

func median[T int64 | float64 | time.Duration](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// ratio is the median of the rounds' own ratios, with the least and the greatest.
func ratio(of, to series) (mid, least, most float64) {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = float64(of[i]) / float64(max(1, to[i]))
	}
	return median(all), slices.Min(all), slices.Max(all)
}
