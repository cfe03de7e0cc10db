package decasim

import (
	"slices"
	"sync"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// book is the truth about ids: which were offered, which were completely sent. 9 bytes per id, in
// one bucket per second of the ids' own time.
type book struct {
	mu      sync.Mutex
	seconds map[int64]*bucket
	counts  map[int]*Count // by partition
}

// Count of ids of one partition.
type Count struct {
	Offered int `json:"offered"` // created since the partition's first connection, until StopOffering
	Sent    int `json:"sent"`    // written whole on some sound connection, each id once
	Live    int `json:"live"`    // of them: by the live stream or backfill, not by a request alone
	Unsent  int `json:"unsent"`  // offered, not (yet) sent
}

type bucket struct {
	ids   []snowflake.ID // ascending
	flags []uint8
}

const (
	flagOffered = 1 << iota
	flagSent
	flagLive // sent by the live stream or by backfill
)

func newBook() *book { return &book{seconds: map[int64]*bucket{}, counts: map[int]*Count{}} }

// mark sets a flag on ids of one partition.
func (b *book) mark(partition int, flag uint8, ids ...snowflake.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	count := b.counts[partition]
	if count == nil {
		count = &Count{}
		b.counts[partition] = count
	}
	for _, id := range ids {
		second := id.Milli() / 1000
		if b.seconds[second] == nil {
			b.seconds[second] = &bucket{}
		}
		before, after := b.seconds[second].mark(id, flag)
		count.turn(before, after)
	}
}

func (k *bucket) mark(id snowflake.ID, flag uint8) (before, after uint8) {
	i, found := slices.BinarySearch(k.ids, id)
	if !found {
		k.ids, k.flags = slices.Insert(k.ids, i, id), slices.Insert(k.flags, i, 0)
	}
	before = k.flags[i]
	k.flags[i] |= flag
	return before, k.flags[i]
}

func (c *Count) turn(before, after uint8) {
	c.Offered += int(after&flagOffered) - int(before&flagOffered)
	c.Sent += int(after&flagSent>>1) - int(before&flagSent>>1)
	c.Live += int(after&flagLive>>2) - int(before&flagLive>>2)
	c.Unsent += waiting(after) - waiting(before)
}

func waiting(flags uint8) int {
	if flags == flagOffered {
		return 1
	}
	return 0
}

// with returns the ids that carry a flag, ascending.
func (b *book) with(want func(flags uint8) bool) []snowflake.ID {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []snowflake.ID
	for _, second := range b.sorted() {
		k := b.seconds[second]
		for i, id := range k.ids {
			if want(k.flags[i]) {
				all = append(all, id)
			}
		}
	}
	return all
}

func (b *book) sorted() []int64 {
	seconds := make([]int64, 0, len(b.seconds))
	for s := range b.seconds {
		seconds = append(seconds, s)
	}
	slices.Sort(seconds)
	return seconds
}

func (b *book) tally() map[int]Count {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[int]Count{}
	for p, c := range b.counts {
		all[p] = *c
	}
	return all
}
