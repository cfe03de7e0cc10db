//go:build unix

package main

import (
	"fmt"
	"time"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

const (
	cutEvery = 7 * time.Second
	// calm before the end of a run of given length: a cut is made good before the verdict.
	calm = 4 * time.Second
)

// cuts ends connections of the simulator now and then: one connection, then all of a partition, in turn.
type cuts struct {
	sim  *decasim.Server // nil: nothing is cut
	next time.Time
	end  time.Time // zero: never
	made int
	last string
	when time.Time
}

func newCuts(sim *decasim.Server, duration time.Duration) *cuts {
	now := time.Now()
	c := &cuts{sim: sim, next: now.Add(cutEvery)}
	if duration > 0 {
		c.end = now.Add(duration - calm)
	}
	return c
}

// maybe cuts when it is time.
func (c *cuts) maybe(now time.Time) *cuts {
	if c.sim == nil || now.Before(c.next) || !c.end.IsZero() && now.After(c.end) {
		return c
	}
	c.next = now.Add(cutEvery)
	modes := [...]decasim.Mode{decasim.ModeRST, decasim.ModeEOF, decasim.ModeHalf, decasim.ModeClose}
	partition, mode := 1+c.made/2%2, modes[c.made%len(modes)]
	n := 0
	for slot := range 1 + c.made%2 {
		if c.sim.Cut(partition, slot, mode) == nil {
			n++
		}
	}
	c.made++
	c.when = now
	c.last = fmt.Sprintf("%d of 2 connections of partition %d (%s)", n, partition, mode)
	return c
}
