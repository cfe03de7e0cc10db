package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/decahose/telegraf-decahose/internal/archive"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	refillMinutes = 60
	refillAge     = 180 // minutes ago, when the gap begins
)

// benchRefill has the real binary find a gap of three hours at its start, of which another site's archive holds one, whole.
// The time is that from the start of the process to the last Tweet on its stdout.
func benchRefill(b *bench) error {
	if _, err := b.product(); err != nil {
		return err
	}
	minutes := timeline.Minute(refillMinutes)
	if b.quick {
		minutes = 2
	}
	from := timeline.MinuteOf(time.Now().UnixMilli()) - refillAge
	stored := filepath.Join(b.dir, "archive")
	tweets, err := storeMinutes(stored, from, minutes)
	if err != nil {
		return err
	}
	var wall, cpu series
	for range b.trips() {
		w, c, err := b.refill(stored, from, tweets)
		if err != nil {
			return err
		}
		wall, cpu = append(wall, w), append(cpu, c)
	}
	b.section(fmt.Sprintf("the real binary fills %d minutes from an archive, %d Tweets", minutes, tweets))
	b.times("wall", wall, tweets, 0)
	b.times("CPU", cpu, tweets, 0)
	b.line("%-28s %8.0f Tweets/s", "refill", float64(tweets)/wall.median().Seconds())
	b.figure("refill_hour_s", wall.median().Seconds()*refillMinutes/float64(minutes))
	return nil
}

// storeMinutes writes minutes of the World into a new archive, as a site's output does, and counts their Tweets.
func storeMinutes(dir string, from, minutes timeline.Minute) (tweets int, err error) {
	w, err := archive.NewWriter("file://"+dir, archive.WriterOptions{Spool: archive.Spool(dir), SpoolLimit: 1 << 30, Interval: time.Hour, Level: 3,
		OpenLimit: 64 << 20}, time.Now())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	truth := world.New(world.Config{Seed: worldSeed, Rate: worldRate})
	for m := from; m < from+minutes; m++ {
		batch, err := minuteBatch(truth, m)
		if err != nil {
			return 0, err
		}
		tweets += batch.Len()
		if err := errors.Join(w.Write(batch, time.Now()), w.SealAll(time.Now())); err != nil {
			return 0, err
		}
	}
	return tweets, nil
}

// minuteBatch are the Tweets of a minute as the input emits them, with all fields.
func minuteBatch(truth *world.World, m timeline.Minute) (*archive.Batch, error) {
	schema, err := encode.NewSchema("bench", nil, nil, encode.Keep)
	if err != nil {
		return nil, err
	}
	batch, parser := new(archive.Batch), tweet.NewParser(false)
	var t tweet.Tweet
	var rec, line []byte
	for one := range truth.Tweets(time.UnixMilli(m.Milli()), time.UnixMilli((m + 1).Milli())) {
		parser.Reset()
		rec = one.Append(rec[:0])
		if err := parser.Parse(rec, &t); err != nil {
			return nil, err
		}
		t.ReceivedAt = m.Nano()
		line = encode.AppendTweet(line[:0], &t, schema)
		if err := batch.Add(line); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

// refill runs the binary once, with the state of a site that was stopped when the minute from began.
func (b *bench) refill(stored string, from timeline.Minute, tweets int) (wall, cpu time.Duration, err error) {
	s, err := newServer(greet)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	state, err := os.MkdirTemp(b.dir, "state-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(state)
	if err := env.LeavePast(filepath.Join(state, "bench_sample10_bench"), time.UnixMilli(from.Milli())); err != nil {
		return 0, 0, err
	}
	// The archive is trusted: what comes live here does not say how many Tweets a minute should hold.
	conf, err := configWith(b.dir, s.url, "1, 2", 1, state, fmt.Sprintf("  [[inputs.decahose.archive]]\n    url = %q\n    trust = true\n", "file://"+stored))
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	c, err := startChild(tweetMark, nil, b.binary, "-config", conf)
	if err != nil {
		return 0, 0, err
	}
	defer c.kill()
	emitted := tweets + partitions // a live one of each
	if err := c.all(emitted); err != nil {
		return 0, 0, err
	}
	wall = time.Since(start)
	if cpu, err = c.stop(); err != nil {
		return 0, 0, err
	}
	if n := c.lines.Load(); n != int64(emitted) {
		return 0, 0, fmt.Errorf("%w: %d Tweets emitted of %d", errDisagree, n, emitted)
	}
	return wall, cpu, nil
}

// greet tells the plugin what time it is, and is silent from then on.
func greet(s *send) {
	_ = s.all(greeting(s.partition)) // a client that went away is noticed by what it did not emit
	s.hold()
}

// greeting is a Tweet of now, in gzip.
func greeting(partition int) []byte {
	now := time.Now().UnixMilli()
	return zipped(string(appendShort(nil, int64(snowflake.First(now))+int64(partition), now)))
}
