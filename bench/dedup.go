package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/dedup"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

const (
	dedupWindow = time.Hour
	latestCopy  = 2500 // ms that a redundant copy comes after the first
)

// arrival is one copy of a Tweet reaching the set.
type arrival struct {
	at      int64 // Unix ms
	id      snowflake.ID
	witness uint8
}

// newArrivals are the copies of two redundant connections in the order in which they come.
func newArrivals(length time.Duration) []arrival {
	r := rand.New(rand.NewPCG(worldSeed, 'd'))
	n := int(length.Seconds() * worldRate)
	all := make([]arrival, 0, 2*n)
	from := time.Now().Add(-2 * length).UnixMilli()
	for i := range n {
		ms := from + int64(i)*1000/worldRate
		id := snowflake.First(ms) | snowflake.ID(r.IntN(48)<<12) | snowflake.ID(i%900)
		all = append(all, arrival{ms, id, 0}, arrival{ms + r.Int64N(latestCopy), id, 1})
	}
	slices.SortFunc(all, func(x, y arrival) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.witness, y.witness), cmp.Compare(x.id, y.id))
	})
	return all
}

// benchDedup fills a window of an hour and then measures half an hour more, in which as many ids are
// forgotten as come.
func benchDedup(r *report, rounds int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	all := newArrivals(dedupWindow * 3 / 2)
	full := len(all) * 2 / 3
	var each []float64
	var perID float64
	for range rounds {
		s := dedup.New(dedupWindow)
		fresh := offer(s, all[:full])
		perID = max(perID, float64(s.Bytes())/float64(s.Len()))
		runtime.GC()
		start := cpuTime()
		fresh += offer(s, all[full:])
		each = append(each, float64(cpuTime()-start)/float64(len(all)-full))
		perID = max(perID, float64(s.Bytes())/float64(s.Len()))
		if fresh != len(all)/2 {
			return fmt.Errorf("%w: dedup found %d of %d ids new", errDisagree, fresh, len(all)/2)
		}
	}
	r.section("dedup, 60 min at 600 ids/s, a redundant copy 0 to 2.5 s later, 1 core")
	r.line("%-28s %8.1f ns per copy %8.2f bytes per id", "ours", median(each), perID)
	r.figure("dedup_bytes_per_id", perID)
	r.figure("dedup_ns", median(each))
	return nil
}

// offer looks every copy up, marks the new ones, and lets the set forget once per second, as the core does.
func offer(s *dedup.Set, all []arrival) (fresh int) {
	chore := int64(0)
	var now time.Time
	for i := range all {
		a := &all[i]
		if a.at >= chore {
			now = time.UnixMilli(a.at)
			chore = a.at + 1000
			s.CloseBefore(a.at - 90_000) // minutes close about half a minute after their end
			s.Expire(now)
		}
		if known, _ := s.Seen(a.id, now, a.witness); !known {
			s.Mark(a.id, now, a.witness)
			fresh++
		}
	}
	return fresh
}
