//go:build linux

package soak

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// mode is how Tweets are given to Telegraf.
type mode string

const (
	stdout       mode = "stdout"       // by the pipe of inputs.execd
	acknowledged mode = "acknowledged" // to inputs.cloud_pubsub_push of a stock Telegraf
	tracked      mode = "tracked"      // compiled in
	closed       mode = "feedback"     // by the pipe, and Telegraf's counters come back
)

// The stores, named after Telegraf's outputs.
const (
	httpStore     = "http"
	influxStore   = "influxdb_v2"
	fileStore     = "file"
	postgresStore = "postgresql"
)

// plan is what a run is made of, but for its disasters.
type plan struct {
	seed        uint64
	mode        mode
	store       string
	batch       int // Telegraf's metric_batch_size
	buffer      int // Telegraf's metric_buffer_limit
	push        int // Tweets of a POST
	concurrency int // POSTs at once
	undelivered int // max_undelivered
	spool       string
	answer      time.Duration // Telegraf's write_timeout: then a POST's fate is not known
}

// draw makes both modes and all stores come in the first ten runs, and again in each ten after.
func draw(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	stores := []string{influxStore, httpStore, fileStore, influxStore, httpStore}
	p := plan{seed: seed, store: stores[(seed-1)/2%uint64(len(stores))], batch: 100, buffer: 10000, push: 50 + 50*r.IntN(2),
		concurrency: 4 << r.IntN(3), undelivered: []int{300, 500, 2000}[r.IntN(3)], spool: []string{"1GiB", "1GiB", "1MiB", "0"}[r.IntN(4)],
		answer: []time.Duration{4, 12}[r.IntN(2)] * time.Second}
	if seed%10 == 0 {
		p.store = postgresStore
	}
	p.mode = []mode{tracked, acknowledged}[(seed+seed/10)%2]
	if r.IntN(3) == 0 {
		// Too small for what is under way: Telegraf throws away what it was given, and says so. A batch fits.
		p.push, p.concurrency, p.undelivered, p.buffer = 100, 16, 2000, 400
	}
	return p
}

func (p plan) String() string {
	return fmt.Sprintf("%s into %s, metric_buffer_limit %d, %d POSTs of %d within %v, max_undelivered %d, spool %s",
		p.mode, p.store, p.buffer, p.concurrency, p.push, p.answer, p.undelivered, p.spool)
}
