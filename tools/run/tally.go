//go:build unix

package main

import (
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// grace is how old an offered Tweet must be to count as missing while the run goes on.
const grace = 5 * time.Second

// tally reads what lands, as it lands. Two goroutines follow the two files; mu guards what they find.
type tally struct {
	follows []*env.Follow
	wg      sync.WaitGroup

	mu          sync.Mutex
	landed      map[int64]uint8 // copies, by id
	doubled     int
	stream      env.Metric            // last decahose_stream
	connections map[string]env.Metric // last decahose_connection, by "1.0"
	err         error                 // what landed cannot be read

	// Of compare, which one goroutine calls.
	offered, missing int
	settled          int // so many offered ids, the oldest, have landed
	again            time.Time
}

func newTally(p paths) *tally {
	t := &tally{landed: map[int64]uint8{}, connections: map[string]env.Metric{}}
	t.follow(p.tweets, t.tweet)
	t.follow(p.counters, t.counter)
	return t
}

func (t *tally) follow(path string, hear func(env.Metric)) {
	f := env.NewFollow(path)
	t.follows = append(t.follows, f)
	t.wg.Go(func() {
		if err := env.Each(f, hear); err != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.err = err
		}
	})
}

// finish reads the files to their ends; nothing writes to them any more.
func (t *tally) finish() {
	for _, f := range t.follows {
		f.Finish()
	}
	t.wg.Wait()
}

func (t *tally) tweet(m env.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := m.ID()
	if t.landed[id] > 0 {
		t.doubled++
		return
	}
	t.landed[id] = 1
}

func (t *tally) counter(m env.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch m.Name {
	case "decahose_stream":
		t.stream = m
	case "decahose_connection":
		t.connections[m.Tags["partition"]+"."+m.Tags["connection"]] = m
	}
}

func (t *tally) landedCount() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.landed)
}

// compare counts what is missing so far. It takes longer the longer the run, and so is done less
// often: never more than a twentieth of the time.
func (t *tally) compare(sim *decasim.Server) {
	now := time.Now()
	if sim == nil || now.Before(t.again) {
		return
	}
	ids := sim.OfferedIDs()
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.settled < len(ids) && t.landed[int64(ids[t.settled])] > 0 {
		t.settled++
	}
	t.offered, t.missing = len(ids), 0
	for _, id := range ids[t.settled:] {
		if now.Sub(id.Time()) > grace && t.landed[int64(id)] == 0 {
			t.missing++
		}
	}
	t.again = now.Add(20 * time.Since(now))
}

// verdict of the oracle.
type verdict struct {
	offered, lost, doubled int
	early                  int // landed, and created before the first connect
	foreign                int // landed, and in no record of the World
}

// judge compares all that was offered with all that has landed.
func (t *tally) judge(src *source) verdict {
	offered := src.sim.OfferedIDs()
	t.mu.Lock()
	defer t.mu.Unlock()
	v := verdict{offered: len(offered), doubled: t.doubled}
	known := make(map[int64]bool, len(offered))
	for _, id := range offered {
		known[int64(id)] = true
		if t.landed[int64(id)] == 0 {
			v.lost++
		}
	}
	for id := range t.landed {
		switch {
		case known[id]:
		case exists(src.world, snowflake.ID(id)):
			v.early++
		default:
			v.foreign++
		}
	}
	return v
}

// exists asks the truth itself: was this Tweet ever written?
func exists(truth world.Source, id snowflake.ID) bool {
	return slices.ContainsFunc(truth.Milli(nil, id.Milli(), 1), func(t world.Tweet) bool { return t.ID == id })
}
