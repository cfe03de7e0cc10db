package main

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

const (
	worldSeed = 20
	worldRate = 600 // Tweets per second of id time
	disorder  = 40  // places that a record may be away from its own
)

// corpus is one stretch of the simulator's World as two redundant connections deliver it.
type corpus struct {
	records [][]byte // in id order
	a, b    []byte   // gzip: CRLF, heartbeats, local disorder, sync flushes
	plain   []byte   // as a, in id order and without heartbeats, for peers that stumble over them
	bytes   int      // of all records
}

// newCorpus takes the World's last tweets before now: ids must be recent, for the real binary judges
// them by the clock.
func newCorpus(tweets int, now time.Time) *corpus {
	w := world.New(world.Config{Seed: worldSeed, Rate: worldRate})
	length := time.Duration(tweets) * time.Second / worldRate
	c := &corpus{}
	for t := range w.Tweets(now.Add(-length*5/4), now) {
		if len(c.records) == tweets {
			break
		}
		rec := t.Append(nil)
		c.bytes += len(rec)
		c.records = append(c.records, rec)
	}
	c.a = c.deliver(rand.New(rand.NewPCG(worldSeed, 'a')), true)
	c.b = c.deliver(rand.New(rand.NewPCG(worldSeed, 'b')), true)
	c.plain = c.deliver(rand.New(rand.NewPCG(worldSeed, 'p')), false)
	return c
}

func (c *corpus) String() string {
	n := max(1, len(c.records))
	return fmt.Sprintf("%d Tweets of %d bytes, gzip ratio %.2f", n, c.bytes/n, float64(c.bytes)/float64(max(1, len(c.a))))
}

// deliver compresses the records as one connection sends them. A live one also differs from another
// in order and brings heartbeats.
func (c *corpus) deliver(r *rand.Rand, live bool) []byte {
	var out bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&out, gzip.DefaultCompression) // fails for unknown levels only
	flushIn := 10 + r.IntN(41)
	order := c.inOrder()
	if live {
		order = shuffled(r, order)
	}
	for i, at := range order {
		zip.Write(c.records[at]) // writes to memory do not fail
		zip.Write([]byte("\r\n"))
		if live && i%1000 == 999 {
			zip.Write([]byte("\r\n"))
		}
		if flushIn--; flushIn == 0 {
			zip.Flush()
			flushIn = 10 + r.IntN(41)
		}
	}
	zip.Close()
	return out.Bytes()
}

func (c *corpus) inOrder() []int {
	order := make([]int, len(c.records))
	for i := range order {
		order[i] = i
	}
	return order
}

// shuffled moves each by less than disorder places.
func shuffled(r *rand.Rand, order []int) []int {
	keys := make([]int, len(order))
	for i := range keys {
		keys[i] = i + r.IntN(disorder)
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(keys[x], keys[y]) })
	return order
}
