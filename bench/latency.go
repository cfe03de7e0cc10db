package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

const (
	latencyTime = 20 * time.Second
	latencyWarm = 2 * time.Second // connects and first growth are not the steady state
)

// live sends the World's Tweets as their time comes, each flushed on its own, to all connections at once,
// and remembers when.
type live struct {
	world *world.World
	mu    sync.Mutex
	conns map[int][]*send
	count int
	all   chan struct{} // closed when all connections are there
	sent  map[int64]time.Time
}

// liveConnections is 2 partitions x 2 connections.
const liveConnections = 4

func newLive() *live {
	return &live{world: world.New(world.Config{Seed: worldSeed, Rate: worldRate}), conns: map[int][]*send{},
		all: make(chan struct{}), sent: map[int64]time.Time{}}
}

// serve adds a connection; run writes to it from then on.
func (l *live) serve(s *send) {
	if s.flush() != nil {
		return
	}
	l.mu.Lock()
	l.conns[s.partition] = append(l.conns[s.partition], s)
	if l.count++; l.count == liveConnections {
		close(l.all)
	}
	l.mu.Unlock()
	s.hold() // run writes for it; an answered request could not be written to
}

// run waits for all connections and sends.
func (l *live) run(length time.Duration) error {
	select {
	case <-l.all:
	case <-time.After(childLimit):
		return fmt.Errorf("wait for %d connections: %w", liveConnections, errStuck)
	}
	zips := map[int]*partitionZip{}
	for partition, conns := range l.conns {
		zips[partition] = newPartitionZip(conns)
	}
	start := time.Now()
	var due []world.Tweet
	for ms := start.UnixMilli(); ms < start.Add(length).UnixMilli(); ms++ {
		time.Sleep(time.Until(time.UnixMilli(ms)))
		due = l.world.Milli(due[:0], ms, 1)
		for _, t := range due {
			if err := l.send(zips[t.Partition], t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *live) send(z *partitionZip, t world.Tweet) error {
	z.record = append(t.Append(z.record[:0]), "\r\n"...)
	at := time.Now()
	l.mu.Lock()
	l.sent[int64(t.ID)] = at
	l.mu.Unlock()
	return z.write()
}

// sentAt is when a Tweet was given to the sockets.
func (l *live) sentAt(id int64) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.sent[id]
	return at, ok
}

// partitionZip compresses once for all connections of a partition.
type partitionZip struct {
	zip    *gzip.Writer
	conns  []*send
	record []byte
}

func newPartitionZip(conns []*send) *partitionZip {
	var all []io.Writer
	for _, c := range conns {
		all = append(all, c.out)
	}
	zip, _ := gzip.NewWriterLevel(io.MultiWriter(all...), gzip.BestSpeed) // fails for unknown levels only
	return &partitionZip{zip: zip, conns: conns}
}

func (z *partitionZip) write() error {
	if _, err := z.zip.Write(z.record); err != nil {
		return err
	}
	if err := z.zip.Flush(); err != nil {
		return err
	}
	for _, c := range z.conns {
		if err := c.flush(); err != nil {
			return err
		}
	}
	return nil
}

// arrivalsOf finds the ids in what comes out of stdout, line by line.
type arrivalsOf struct {
	live *live
	rest []byte
	all  []time.Duration // in order of arrival
}

// hear takes bytes that arrived now.
func (a *arrivalsOf) hear(p []byte) {
	now := time.Now()
	a.rest = append(a.rest, p...)
	for {
		at := bytes.Index(a.rest, []byte(" id="))
		if at < 0 {
			break
		}
		digits := a.rest[at+4:]
		end := bytes.IndexByte(digits, 'i')
		if end < 0 {
			break
		}
		if id, err := strconv.ParseInt(string(digits[:end]), 10, 64); err == nil {
			if sent, ok := a.live.sentAt(id); ok {
				a.all = append(a.all, now.Sub(sent))
			}
		}
		a.rest = digits[end:]
	}
	if len(a.rest) > 1<<20 {
		a.rest = a.rest[len(a.rest)-64:]
	}
}

// benchLatency measures, in real time, how long a Tweet takes from the server's socket to our stdout.
func benchLatency(b *bench) error {
	if _, err := b.product(); err != nil {
		return err
	}
	length := latencyTime
	if b.quick {
		length = 5 * time.Second
	}
	l := newLive()
	s, err := newServer(l.serve)
	if err != nil {
		return err
	}
	defer s.close()
	conf, err := config(b.dir, s.url, "1, 2", 2)
	if err != nil {
		return err
	}
	ears := &arrivalsOf{live: l}
	c, err := startChild(tweetMark, ears.hear, b.binary, "-config", conf)
	if err != nil {
		return err
	}
	defer c.kill()
	if err := l.run(length); err != nil {
		return err
	}
	if err := c.all(len(l.sent)); err != nil {
		return err
	}
	took, err := c.stop()
	if err != nil {
		return err
	}
	if len(ears.all) != len(l.sent) {
		return fmt.Errorf("%w: %d Tweets sent, %d came out", errDisagree, len(l.sent), len(ears.all))
	}
	b.latencies(ears.all[int(latencyWarm.Seconds()*worldRate):], took, length)
	return nil
}

func (b *bench) latencies(all []time.Duration, cpu, length time.Duration) {
	b.section("socket to stdout, real time, 600 Tweets/s, 2 partitions x 2 connections")
	b.line("%-28s p50 %s, p90 %s, p99 %s, max %s, %d Tweets; %.1f %% of a core", "telegraf-decahose", millis(percentile(all, 0.5)),
		millis(percentile(all, 0.9)), millis(percentile(all, 0.99)), millis(percentile(all, 1)), len(all), 100*cpu.Seconds()/length.Seconds())
	b.figure("p99_ms", float64(percentile(all, 0.99))/1e6)
}
