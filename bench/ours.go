package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
)

// pipeline is the product's own code on one goroutine: what a connection does (gunzip, scan), what the
// engine does with a batch (core, sink), in the engine's order. Only net/http and the channels are missing.
type pipeline struct {
	core   *core.Core
	ready  core.Ready
	tweets *encode.Lines
	points *encode.Lines
	writer *encode.Writer
	legs   []*leg
	added  int64 // Tweets of the open batch
	spare  *wire.Batch
	clock  func(*wire.Batch) time.Time
	tally  tally
}

// batchSize of package stream: after how many bytes a batch is handed on.
const batchSize = 32 << 10

// leg is one connection: compressed bytes and the scanner that cuts what comes out of them.
type leg struct {
	zip  *gzip.Reader
	scan *wire.Scanner
	done bool
}

// newPipeline opens one connection per stream, all to one partition.
func newPipeline(streams [][]byte, out io.Writer, window time.Duration) (*pipeline, error) {
	schema, err := encode.NewSchema("bench", nil, nil, encode.Keep)
	if err != nil {
		return nil, err
	}
	p := &pipeline{writer: encode.NewWriter(out), spare: wire.NewBatch(),
		clock: func(*wire.Batch) time.Time { return time.Now() }}
	p.tweets, p.points = encode.NewLines(schema, p.writer), encode.NewLines(nil, p.writer)
	p.core = core.New(core.Config{StreamLabel: "bench", Partitions: []int{1}, Connections: len(streams),
		ConnectLimit: 10, ConnectPeriod: time.Minute, DedupWindow: window, SilenceTimeout: time.Hour,
		Recovery: refill.Rules{Horizon: 120 * time.Hour}, Interval: 10 * time.Second})
	for _, b := range streams {
		zip, err := gzip.NewReader(bufio.NewReaderSize(bytes.NewReader(b), 64<<10))
		if err != nil {
			return nil, err
		}
		l := &leg{zip: zip, scan: wire.NewScanner(0)}
		l.scan.Start(wire.NewBatch())
		p.legs = append(p.legs, l)
	}
	return p, nil
}

// open tells the core that the connections it asks for are there.
func (p *pipeline) open(now time.Time) {
	p.core.Step(now, core.Event{Kind: core.Tick}, &p.ready)
	for i := range p.legs {
		p.core.Step(now, core.Event{Kind: core.Opened, Conn: i}, &p.ready)
	}
}

func runOurs(c *corpus, out io.Writer) (tally, error) {
	p, err := newPipeline([][]byte{c.a, c.b}, out, time.Hour)
	if err != nil {
		return tally{}, err
	}
	p.open(time.Now())
	return p.tally, p.run(nil)
}

// run alternates between the connections, one slab at a time, until both have ended. each, if set, is
// called after every slab.
func (p *pipeline) run(each func()) error {
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { p.writer.Run(ctx) })
	defer wg.Wait()
	defer stop()
	for open := len(p.legs); open > 0; {
		open = 0
		for i, l := range p.legs {
			if l.done {
				continue
			}
			open++
			if err := p.slab(ctx, i, l); err != nil {
				return err
			}
			if each != nil {
				each()
			}
		}
	}
	return p.flush(ctx)
}

// slab takes what a connection hands on at once, and does with it what stream and engine do.
func (p *pipeline) slab(ctx context.Context, i int, l *leg) error {
	for plain := 0; plain < batchSize && !l.done; {
		n, err := l.zip.Read(l.scan.Space()) // one copy from the decoder's window, as in stream
		l.scan.Advance(n)
		plain += n
		if errors.Is(err, io.EOF) {
			l.done = true
			l.scan.End()
		} else if err != nil {
			return err
		}
	}
	if !l.scan.Pending() {
		return nil
	}
	b := l.scan.Take(p.spare)
	err := p.received(ctx, i, b)
	b.Reset()
	p.spare = b
	return err
}

func (p *pipeline) received(ctx context.Context, conn int, b *wire.Batch) error {
	for i := range b.Frames {
		if b.Frames[i].Kind != wire.Record {
			return fmt.Errorf("frame of kind %d in the corpus: %.80q", b.Frames[i].Kind, b.Frames[i].Data)
		}
	}
	p.tally.received += len(b.Frames)
	p.tally.duplicate += len(b.Frames)
	p.core.Step(p.clock(b), core.Event{Kind: core.Received, Conn: conn, Batch: b}, &p.ready)
	for i := range p.ready.Tweets {
		t := &p.ready.Tweets[i]
		p.tally.add(int64(t.ID))
		p.tally.duplicate--
		p.tweets.AddTweet(t, int(p.ready.From[i]))
	}
	p.added += int64(len(p.ready.Tweets))
	for i := range p.ready.Points {
		if err := p.points.AddPoint(&p.ready.Points[i]); err != nil {
			return err
		}
	}
	if p.tweets.Pending() < encode.FlushBytes {
		return nil
	}
	return p.flush(ctx)
}

// flush writes the open batches; the core posts what was in that of Tweets.
func (p *pipeline) flush(ctx context.Context) error {
	for _, sink := range []*encode.Lines{p.tweets, p.points} {
		if err := sink.Write(ctx, sink.Take()); err != nil {
			return err
		}
	}
	p.core.Step(p.clock(nil), core.Event{Kind: core.Written, Tweets: p.added}, &p.ready)
	p.added = 0
	return nil
}
