package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

const (
	windowTime  = time.Hour       // the plugin's default dedup_window
	settledTime = 3 * time.Second // after the last record, before memory is read
)

// benchMemory fills the dedup window of the real binary through two connections to each of two partitions,
// as fast as it takes, and reads what is resident. The Tweets are valid but short: the ids are what counts. Then it does
// so again with the state of the first time: an hour's Tweets do not wait all at once to be stored, except in the
// first run.
func benchMemory(b *bench) error {
	if _, err := b.product(); err != nil {
		return err
	}
	length := windowTime
	if b.quick {
		length /= 6
	}
	streams, ids := windowStreams(length, time.Now())
	state, err := os.MkdirTemp(b.dir, "state-")
	if err != nil {
		return err
	}
	configure := func(url string) (string, error) { return b.again(url, state) }
	_, burst, err := b.fill(streams, ids, ids, configure)
	if err != nil {
		return err
	}
	now, peak, err := b.fill(streams, ids, 0, configure) // the ids come from disk, and no Tweet waits to be stored
	if err != nil {
		return err
	}
	b.section("memory of the real binary, 2 partitions x 2 connections")
	b.line("%-28s %8.1f MiB resident, %.1f MiB at most, %d ids in the window; %.1f MiB when all of them came at once", "telegraf-decahose", now, peak, ids, burst)
	if b.quick {
		return fmt.Errorf("with -quick the window holds %d ids only", ids)
	}
	b.figure("rss_mib", now)
	return nil
}

// fill brings the streams to the real binary, as fast as it takes them, and reads what is resident then, in MiB. So
// many of the ids are new to it.
func (b *bench) fill(streams map[int][]byte, ids, fresh int, configure func(url string) (string, error)) (now, peak float64, err error) {
	served := newLanes(streams)
	s, err := newServer(served.serve)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	conf, err := configure(s.url)
	if err != nil {
		return 0, 0, err
	}
	var last tail
	c, err := startChild(tweetMark, last.hear, b.binary, "-config", conf)
	if err != nil {
		return 0, 0, err
	}
	defer c.kill()
	if err := c.all(fresh); err != nil {
		return 0, 0, err
	}
	if err := c.until("all connections", childLimit, served.done); err != nil {
		return 0, 0, err
	}
	time.Sleep(settledTime)
	if now, peak, err = resident(c.cmd.Process.Pid); err != nil {
		return 0, 0, err
	}
	if _, err := c.stop(); err != nil {
		return 0, 0, err
	}
	if held := last.integer("dedup_ids="); held != ids {
		return 0, 0, fmt.Errorf("%w: %d ids in the window, %d were sent", errDisagree, held, ids)
	}
	if n := c.lines.Load(); n != int64(fresh) {
		return 0, 0, fmt.Errorf("%w: %d Tweets emitted, %d were new", errDisagree, n, fresh)
	}
	return now, peak, nil
}

// tail keeps the end of what a child wrote: the last counters.
type tail struct{ bytes []byte }

func (t *tail) hear(p []byte) {
	const most = 256 << 10
	t.bytes = append(t.bytes, p[max(0, len(p)-most):]...)
	t.bytes = append(t.bytes[:0], t.bytes[max(0, len(t.bytes)-most):]...)
}

// integer is the last value of a field; -1 where there is none.
func (t *tail) integer(field string) (n int) {
	n = -1
	if at := bytes.LastIndex(t.bytes, []byte(field)); at >= 0 {
		_, _ = fmt.Sscanf(string(t.bytes[at+len(field):]), "%di", &n) // n stays -1
	}
	return n
}

// windowStreams are the compressed streams of the two partitions, for ids spread evenly over the time before now.
func windowStreams(length time.Duration, now time.Time) (streams map[int][]byte, ids int) {
	ids = int(length.Seconds()) * worldRate
	streams = map[int][]byte{}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for partition := 1; partition <= 2; partition++ {
		wg.Go(func() {
			stream := windowStream(partition, ids, now.Add(-length).UnixMilli())
			mu.Lock()
			defer mu.Unlock()
			streams[partition] = stream
		})
	}
	wg.Wait()
	return streams, ids
}

func windowStream(partition, ids int, from int64) []byte {
	r := rand.New(rand.NewPCG(worldSeed, uint64(partition)))
	var out bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed) // fails for unknown levels only
	var rec []byte
	for i := partition - 1; i < ids; i += 2 {
		ms := from + int64(i)*1000/worldRate
		id := snowflake.First(ms) | snowflake.ID(r.IntN(48)<<12) | snowflake.ID(i%900)
		rec = appendShort(rec[:0], int64(id), ms)
		zip.Write(rec) // writes to memory do not fail
		if i%100 < 2 {
			zip.Flush()
		}
	}
	zip.Flush() // no end: the connection stays open
	return out.Bytes()
}

// appendShort appends the shortest record that is a whole Tweet.
func appendShort(b []byte, id, ms int64) []byte {
	b = strconv.AppendInt(append(b, `{"created_at":"Sat Nov 21 12:00:00 +0000 2026","id":`...), id, 10)
	b = strconv.AppendInt(append(b, `,"id_str":"`...), id, 10)
	b = append(b, `","text":"short","source":"","user":{"id":7,"id_str":"7","screen_name":"seven","followers_count":0,"verified":false},"entities":{"hashtags":[],"urls":[],"user_mentions":[]},"lang":"en","timestamp_ms":"`...)
	return append(strconv.AppendInt(b, ms, 10), "\"}\r\n"...)
}

// lanes serves each partition's bytes to the two connections that come first and keeps them open.
type lanes struct {
	streams map[int][]byte
	mu      sync.Mutex
	whole   int // connections that got everything
}

func newLanes(streams map[int][]byte) *lanes { return &lanes{streams: streams} }

func (l *lanes) serve(s *send) {
	if s.all(l.streams[s.partition]) == nil {
		l.mu.Lock()
		l.whole++
		l.mu.Unlock()
	}
	s.hold()
}

func (l *lanes) done() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.whole >= 2*len(l.streams)
}

// resident reads a process's resident set, now and at its greatest, in MiB.
func resident(pid int) (now, peak float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			now = kib / 1024
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			peak = kib / 1024
		}
	}
	return now, peak, nil
}
