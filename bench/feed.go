package main

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// feed is many Tweets, each of them new, compressed for both partitions. It serves them as fast as they are taken.
type feed struct {
	*lanes
	tweets int
	bytes  int          // of the records
	begun  atomic.Int64 // when the first request came, Unix ns
}

// newFeed takes the World's last tweets before now, whole records.
func newFeed(tweets int, now time.Time) *feed {
	const slice = 5 * time.Second
	truth := world.New(world.Config{Seed: worldSeed, Rate: worldRate})
	n := tweets / (worldRate * int(slice.Seconds()))
	parts := make([]*feedSlice, n)
	limit := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() {
			limit <- struct{}{}
			from := now.Add(time.Duration(i-n) * slice)
			parts[i] = newFeedSlice(truth, from, from.Add(slice))
			<-limit
		})
	}
	wg.Wait()
	f := &feed{}
	streams := map[int][]byte{}
	for _, s := range parts {
		f.tweets, f.bytes = f.tweets+s.tweets, f.bytes+s.bytes
		for p := range s.out {
			streams[p+1] = append(streams[p+1], s.out[p].Bytes()...)
		}
	}
	f.lanes = newLanes(streams)
	return f
}

// newShortFeed is as many Tweets whose records are the shortest that are whole: what comes before the delivery costs
// little.
func newShortFeed(tweets int, now time.Time) *feed {
	streams, n := windowStreams(time.Duration(tweets/worldRate)*time.Second, now)
	return &feed{lanes: newLanes(streams), tweets: n}
}

// again has the same served to new connections.
func (f *feed) again() *feed {
	return &feed{lanes: newLanes(f.streams), tweets: f.tweets, bytes: f.bytes}
}

func (f *feed) serve(s *send) {
	f.begun.CompareAndSwap(0, time.Now().UnixNano())
	f.lanes.serve(s)
}

// feedSlice is some seconds, a gzip member for each partition.
type feedSlice struct {
	tweets, bytes int
	out           [partitions]bytes.Buffer
}

func newFeedSlice(truth *world.World, from, to time.Time) *feedSlice {
	s := &feedSlice{}
	var zips [partitions]*gzip.Writer
	for p := range zips {
		zips[p], _ = gzip.NewWriterLevel(&s.out[p], gzip.BestSpeed) // fails for unknown levels only
	}
	var rec []byte
	for t := range truth.Tweets(from, to) {
		rec = t.Append(rec[:0])
		s.tweets++
		s.bytes += len(rec)
		zip := zips[t.Partition-1]
		zip.Write(append(rec, "\r\n"...)) // writes to memory do not fail
		if s.tweets%50 < 2 {
			zip.Flush()
		}
	}
	for _, zip := range zips {
		zip.Close()
	}
	return s
}
