package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	gapMinutes = 3
	gapAge     = 180 // minutes ago
)

// gapTweets are all Tweets of some minutes that are long over.
type gapTweets struct {
	from, to timeline.Minute
	tweets   int
	bytes    int    // of the records
	body     []byte // gzip, one member for each minute
	last     []byte // gzip, the word that ends a Replay
}

func newGapTweets(minutes timeline.Minute) *gapTweets {
	from := timeline.MinuteOf(time.Now().UnixMilli()) - gapAge
	g := &gapTweets{from: from, to: from + minutes}
	truth := world.New(world.Config{Seed: worldSeed, Rate: worldRate})
	parts := make([]*corpus, minutes)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { parts[i] = minuteCorpus(truth, from+timeline.Minute(i)) })
	}
	wg.Wait()
	for _, c := range parts {
		g.tweets, g.bytes, g.body = g.tweets+len(c.records), g.bytes+c.bytes, append(g.body, c.a...)
	}
	g.last = zipped(fmt.Sprintf("{\"info\":{\"message\":\"Replay Request Completed\",\"sent\":%q,\"activity_count\":%d}}\r\n",
		time.Now().UTC().Format(time.RFC3339), g.tweets))
	return g
}

// minuteCorpus is a minute as one connection delivers it.
func minuteCorpus(truth *world.World, m timeline.Minute) *corpus {
	c := &corpus{}
	for t := range truth.Tweets(time.UnixMilli(m.Milli()), time.UnixMilli((m + 1).Milli())) {
		rec := t.Append(nil)
		c.bytes += len(rec)
		c.records = append(c.records, rec)
	}
	c.a = c.deliver(rand.New(rand.NewPCG(worldSeed, uint64(m))), true)
	c.records = c.records[:len(c.records):len(c.records)]
	clear(c.records) // only their number is still of use
	return c
}

func zipped(text string) []byte {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	_, _ = zip.Write([]byte(text)) // writes to memory do not fail
	_ = zip.Close()
	return b.Bytes()
}

// benchReplay compares how fast a Replay and a live connection bring the same bytes, where X sets no pace. The live one
// has no state; that of Replay is a real one, on disk, and holds as many other ids of each of these minutes, which must
// be loaded before a Tweet can be judged.
func benchReplay(b *bench) error {
	rounds, minutes := 5, timeline.Minute(gapMinutes)
	if b.quick {
		rounds, minutes = 1, 1
	}
	g := newGapTweets(minutes)
	roads := []func() (*passage, error){
		func() (*passage, error) { return b.live(g) },
		func() (*passage, error) { return b.replay(g) },
	}
	wall, cpu := make([]series, len(roads)), make([]series, len(roads))
	for round := range rounds {
		for k := range roads {
			i := (k + round) % len(roads)
			p, err := roads[i]()
			if err != nil {
				return err
			}
			wall[i], cpu[i] = append(wall[i], p.wall), append(cpu[i], p.cpu)
		}
	}
	b.section(fmt.Sprintf("real engine, one connection, network in memory: Replay of %d minutes with state on disk, and the same bytes live without", minutes))
	for i, name := range []string{"live", "Replay"} {
		b.times(name+", wall", wall[i], g.tweets, g.bytes)
		b.times(name+", CPU", cpu[i], g.tweets, g.bytes)
	}
	speed := float64(minutes) * time.Minute.Seconds() / wall[1].median().Seconds()
	b.line("%-28s %8.0f Tweets/s, %.0f minutes of %d Tweets/s a minute", "Replay", float64(g.tweets)/wall[1].median().Seconds(), speed, worldRate)
	mid, least, most := ratio(cpu[0], cpu[1])
	b.line("%-28s %8.2f x (%.2f to %.2f)", "CPU of live / Replay", mid, least, most)
	b.ratio("replay_x_live", wall[0], wall[1])
	b.figure("replay_x_realtime", speed)
	return nil
}

// passage is the way of the Tweets through an engine, from the dial until all of them were written.
type passage struct {
	tweets  int // to be written
	conn    int // that brings them
	done    func()
	written int
	begun   atomic.Pointer[[2]time.Duration]
	wall    time.Duration
	cpu     time.Duration // also of what follows: the ids are stored when the engine stops
	ended   bool
}

// dial gives the bytes to the first that asks, and takes the time.
func (p *passage) dial(body []byte) func(context.Context, string, string) (net.Conn, error) {
	m := &memoryNet{streams: [][]byte{response(body)}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		p.begun.CompareAndSwap(nil, &[2]time.Duration{realTime(), cpuTime()})
		return m.dial(ctx, network, address)
	}
}

// stepped hears what the engine does.
func (p *passage) stepped(_ time.Time, ev core.Event, _ *core.Ready) {
	p.written += int(ev.Tweets)
	if p.written == p.tweets && p.wall == 0 {
		p.wall = realTime() - p.begun.Load()[0]
	}
	p.ended = p.ended || ev.Kind == core.Ended && ev.Conn == p.conn
	if p.ended && p.wall > 0 {
		p.done()
	}
}

// run lets a stream go, with its state in dir, until all Tweets were written and the connection has ended.
func (p *passage) run(parent context.Context, dir string, cfg engine.Config) error {
	ctx, cancel := context.WithTimeout(parent, childLimit)
	defer cancel()
	p.done = cancel
	cfg.Listener.Stepped, cfg.DrainTimeout = p.stepped, childLimit
	cfg.URL = func(int, int) string { return "http://127.0.0.1/bench" }
	r, err := newRoad(dir, cfg)
	if err != nil {
		return err
	}
	defer r.close()
	runtime.GC()
	if err := r.stream.Run(ctx); err != nil {
		return err
	}
	if p.written != p.tweets || p.wall == 0 {
		return fmt.Errorf("%w: engine emitted %d Tweets of %d", errDisagree, p.written, p.tweets)
	}
	p.cpu = cpuTime() - p.begun.Load()[1]
	return nil
}

func newClient(dial func(context.Context, string, string) (net.Conn, error)) *stream.Client {
	return stream.NewClient(stream.Options{Dial: dial, ConnectTimeout: 2 * childLimit,
		Credentials: func() (string, string, error) { return "bench", "bench", nil }})
}

func passageConfig(ids ...int) core.Config {
	return core.Config{StreamLabel: "bench", Partitions: ids, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute,
		Backfill: core.BackfillNone, DedupWindow: time.Hour, Recovery: refill.Rules{Horizon: horizon}, Interval: 10 * time.Second}
}

// live has the Tweets come live, at a time when they are new.
func (b *bench) live(g *gapTweets) (*passage, error) {
	p := &passage{tweets: g.tweets}
	age := time.Since(time.UnixMilli(g.to.Milli()))
	return p, p.run(b.ctx, "", engine.Config{Core: passageConfig(1), Clients: []*stream.Client{newClient(p.dial(g.body))},
		Now: func() time.Time { return time.Now().Add(-age) }})
}

// replay has a gap that only Replay can fill, and looks that it did. Each live connection brings one Tweet, which tells
// the stream's time, and waits.
func (b *bench) replay(g *gapTweets) (*passage, error) {
	dir, err := os.MkdirTemp(b.dir, "replay-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := g.leave(dir); err != nil {
		return nil, err
	}
	p := &passage{tweets: g.tweets + partitions, conn: partitions}
	c := passageConfig(1, 2)
	c.Recovery = refill.Rules{Method: refill.Replay, Window: time.Hour, Delay: 30 * time.Minute, Horizon: horizon, Jobs: 1, Limit: 5, Period: 5 * time.Minute}
	err = p.run(b.ctx, dir, engine.Config{Core: c, Clients: []*stream.Client{newClient(oneTweet().dial)},
		Requesters: []*stream.Client{newClient(p.dial(append(bytes.Clone(g.body), g.last...)))}, RequestURL: func(refill.Request) string { return "http://127.0.0.1/bench" }})
	if err != nil {
		return nil, err
	}
	return p, g.recovered(dir)
}

// oneTweet answers with a Tweet on each of the live connections, and does not end them.
func oneTweet() *memoryNet {
	m := &memoryNet{}
	for p := range partitions {
		m.streams = append(m.streams, bytes.TrimSuffix(response(greeting(p)), []byte(lastChunk)))
	}
	return m
}

// leave writes the state of a process that missed these minutes of both partitions, and has whole ones since.
func (g *gapTweets) leave(dir string) error {
	s, _, err := store.Open(dir, store.Options{Horizon: horizon})
	if err != nil {
		return err
	}
	now := timeline.MinuteOf(time.Now().UnixMilli())
	ids := newIDs(worldRate)
	c := &ledger.Commit{Moment: momentAt(time.Now().UnixMilli()), Clean: true}
	for p := 1; p <= partitions; p++ {
		c.Partitions = append(c.Partitions, ledger.PartitionRecord{Partition: p, Begin: g.from.Milli(), Position: now.Milli()})
		c.Gaps = append(c.Gaps, ledger.GapRecord{Partition: p, Span: timeline.Span{From: g.from.Milli(), To: g.to.Milli()}, Cause: "crash", Opened: g.to.Nano()})
		for m := g.from; m < g.to; m++ {
			c.IDs = append(c.IDs, ledger.IDs{Partition: p, Minute: m, IDs: ids.in(nil, m.Span())})
		}
		for m := g.to; m < now; m++ {
			c.Minutes = append(c.Minutes, wholeMinute(p, m, nil))
		}
	}
	return errors.Join(s.Commit(c), s.Close())
}

// recovered fails unless the ledger says that Replay filled the gap.
func (g *gapTweets) recovered(dir string) (err error) {
	r, err := store.OpenReader(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	gaps, err := r.Gaps()
	if err != nil {
		return err
	}
	filled := int64(0)
	for _, k := range gaps {
		if k.State == ledger.GapRecovered && k.FilledBy == refill.Replay.String() {
			filled += k.Span.Len()
		}
	}
	if want := partitions * (g.to.Milli() - g.from.Milli()); filled != want {
		return fmt.Errorf("%w: Replay filled %d ms of %d, the ledger says: %+v", errDisagree, filled, want, gaps)
	}
	return nil
}
