package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/engine"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
)

// benchCores runs the real engine, connections and all, on one core and on two. The network is memory:
// a server would take its share of the cores.
func benchCores(b *bench) error {
	rounds := max(3, b.rounds())
	var one, two, cpu, cpus series
	for range rounds {
		for _, cores := range []int{1, 2} {
			wall, used, err := runEngine(b.ctx, b.corpus, cores)
			if err != nil {
				return err
			}
			if cores == 1 {
				one, cpu = append(one, wall), append(cpu, used)
			} else {
				two, cpus = append(two, wall), append(cpus, used)
			}
		}
	}
	records, size := 2*len(b.corpus.records), 2*b.corpus.bytes
	b.section("real engine, 2 redundant connections, network in memory")
	b.times("1 core, CPU", cpu, records, size)
	b.times("1 core, wall", one, records, size)
	b.times("2 cores, CPU", cpus, records, size)
	b.times("2 cores, wall", two, records, size)
	if runtime.NumCPU() < 2 {
		return errors.New("this machine has one core")
	}
	b.ratio("two_core_x", one, two)
	return nil
}

// runEngine takes the corpus through an engine, from the first dial to the last byte written.
func runEngine(parent context.Context, c *corpus, cores int) (wall, cpu time.Duration, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	ctx, cancel := context.WithTimeout(parent, childLimit)
	defer cancel()
	t := &toTheEnd{connections: 2, tweets: int64(len(c.records)), done: cancel}
	r, err := newRoad("", t.config(c))
	if err != nil {
		return 0, 0, err
	}
	defer r.close()
	runtime.GC()
	start, used := time.Now(), cpuTime()
	err = r.stream.Run(ctx)
	wall, cpu = time.Since(start), cpuTime()-used
	if err == nil && t.written != t.tweets {
		err = fmt.Errorf("%w: engine emitted %d Tweets of %d", errDisagree, t.written, t.tweets)
	}
	return wall, cpu, err
}

// toTheEnd calls done when the connections have ended: a stop writes what waits. It counts what was written.
type toTheEnd struct {
	connections     int
	tweets, written int64
	done            func()
}

func (t *toTheEnd) stepped(_ time.Time, ev core.Event, _ *core.Ready) {
	t.written += ev.Tweets
	if ev.Kind == core.Ended {
		if t.connections--; t.connections == 0 {
			t.done()
		}
	}
}

// config is that of an engine that reads both connections of the corpus.
func (t *toTheEnd) config(c *corpus) engine.Config {
	net := &memoryNet{streams: [][]byte{response(c.a), response(c.b)}}
	client := stream.NewClient(stream.Options{Dial: net.dial, ConnectTimeout: time.Minute,
		Credentials: func() (string, string, error) { return "bench", "bench", nil }})
	return engine.Config{Clients: []*stream.Client{client}, Listener: engine.Listener{Stepped: t.stepped},
		URL: func(int, int) string { return "http://127.0.0.1/bench" },
		Core: core.Config{StreamLabel: "bench", Partitions: []int{1}, Connections: len(net.streams), ConnectLimit: 10,
			ConnectPeriod: time.Minute, Backfill: core.BackfillNone, DedupWindow: time.Hour, Recovery: refill.Rules{Horizon: 120 * time.Hour}, Interval: 10 * time.Second}}
}

// lastChunk ends an answer.
const lastChunk = "0\r\n\r\n"

// response is a whole answer as it comes over the network.
func response(body []byte) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
	for len(body) > 0 {
		n := min(len(body), 16<<10)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	b.WriteString(lastChunk)
	return b.Bytes()
}

// memoryNet gives each dial the next stream; those that come later get a connection that never answers.
type memoryNet struct {
	mu      sync.Mutex
	dialled int
	streams [][]byte
}

func (m *memoryNet) dial(context.Context, string, string) (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &memoryConn{closed: make(chan struct{}), asked: make(chan struct{}), left: []byte{}}
	if m.dialled < len(m.streams) {
		c.left = m.streams[m.dialled]
	}
	m.dialled++
	return c, nil
}

// memoryConn answers the first request with the bytes left.
type memoryConn struct {
	left          []byte
	asked, closed chan struct{}
	ask, close    sync.Once
}

func (c *memoryConn) Read(p []byte) (int, error) {
	select {
	case <-c.asked:
	case <-c.closed:
		return 0, io.EOF
	}
	if len(c.left) == 0 {
		<-c.closed
		return 0, io.EOF
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *memoryConn) Write(p []byte) (int, error) {
	c.ask.Do(func() { close(c.asked) })
	return len(p), nil
}

func (c *memoryConn) Close() error {
	c.close.Do(func() { close(c.closed) })
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
