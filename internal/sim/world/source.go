package world

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// Source is where the Tweets of a simulation come from: a World, or a Play of recorded ones. It is
// time-addressed: what was created in a millisecond does not depend on who asks, when, or how often.
// Safe for concurrent use.
type Source interface {
	// Partitions is the number of partitions; they count from 1.
	Partitions() int
	// Milli appends the Tweets created in one Unix millisecond, in id order. factor multiplies the rate.
	Milli(dst []Tweet, ms int64, factor float64) []Tweet
	// Span appends the Tweets created in the Unix milliseconds [from, to), in id order.
	Span(dst []Tweet, from, to int64, factor float64) []Tweet
	// Partition of a Tweet.
	Partition(id snowflake.ID) int
	// AppendRecord appends the record of a Tweet of this source, without its \r\n.
	AppendRecord(dst []byte, id snowflake.ID) []byte
}

// Aging is a Source whose Tweets are not the same later on: what Replay and Recovery deliver differs
// from what the live stream and backfill delivered. Safe for concurrent use.
type Aging interface {
	// Gone says that Replay and Recovery do not deliver this Tweet.
	Gone(id snowflake.ID) bool
	// AppendLater appends the record of a Tweet as it is by then.
	AppendLater(dst []byte, id snowflake.ID) []byte
}

// Tweet is one Tweet of a Source. Its record is made when it is asked for.
type Tweet struct {
	ID        snowflake.ID
	Partition int // from 1
	source    Source
}

// CreatedAt is the time of the id, to the millisecond, in UTC.
func (t Tweet) CreatedAt() time.Time { return t.ID.Time() }

// Append appends the Tweet's record, without \r\n.
func (t Tweet) Append(dst []byte) []byte { return t.source.AppendRecord(dst, t.ID) }

// Tweets are those of a source created in [from, to), in id order; both ends are cut to milliseconds.
func Tweets(s Source, from, to time.Time) iter.Seq[Tweet] {
	return func(yield func(Tweet) bool) {
		var slice []Tweet
		for ms, end := from.UnixMilli(), to.UnixMilli(); ms < end; {
			next := min(end, (ms/1000+1)*1000)
			slice = s.Span(slice[:0], ms, next, 1)
			ms = next
			for _, t := range slice {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// arrivals makes the ids of each millisecond: a pure function of the seed.
type arrivals struct {
	seed       uint64
	rate       float64 // Tweets per second, all partitions together
	partitions int
	window     bool // only ids of the milliseconds 657 to 756 of each second (x-api.md §6.8)
	sparse     bool // drawn by the second, so that empty milliseconds cost nothing
	profile    func(ms int64) float64
}

// maxPerMilli keeps sequences below 976, where ids still have a nanosecond of their own.
const maxPerMilli = 900

// nodes is how many of the 1024 id-making nodes are in use.
const nodes = 48

func (a *arrivals) lambda(ms int64, factor float64) float64 {
	l := a.rate / 1000 * factor
	if a.profile != nil {
		l *= a.profile(ms)
	}
	if !a.window {
		return l
	}
	if s := ms % 1000; s < 657 || s > 756 {
		return 0
	}
	return l * 10
}

// milli appends the Tweets of one millisecond. Sequences differ even across nodes: then no two
// Tweets of a millisecond can be equal, whatever nodes were drawn.
func (a *arrivals) milli(dst []Tweet, src Source, ms int64, factor float64) []Tweet {
	if a.sparse {
		return a.second(dst, src, ms/1000, ms, ms+1, factor)
	}
	r := rng.New(a.seed, rng.SaltMilli, uint64(ms))
	n := min(r.Poisson(a.lambda(ms, factor)), maxPerMilli)
	first, seq := len(dst), 0
	for range n {
		if r.Chance(0.25) && seq+4 < 976-n {
			seq += r.N(4)
		}
		node := r.N(nodes)
		id := snowflake.First(ms) | snowflake.ID(node/24*10<<17|node%24<<12|seq)
		dst = append(dst, Tweet{ID: id, Partition: a.Partition(id), source: src})
		seq++
	}
	slices.SortFunc(dst[first:], func(x, y Tweet) int { return int(x.ID - y.ID) })
	return dst
}

// span appends the Tweets of [from, to).
func (a *arrivals) span(dst []Tweet, src Source, from, to int64, factor float64) []Tweet {
	if !a.sparse {
		for ms := from; ms < to; ms++ {
			dst = a.milli(dst, src, ms, factor)
		}
		return dst
	}
	for second := from / 1000; second*1000 < to; second++ {
		dst = a.second(dst, src, second, from, to, factor)
	}
	return dst
}

// second appends those Tweets of a second that were created in [from, to). Their sequences differ, so
// that no two can be equal.
func (a *arrivals) second(dst []Tweet, src Source, second, from, to int64, factor float64) []Tweet {
	lambda := a.rate * factor
	if a.profile != nil {
		lambda *= a.profile(second * 1000)
	}
	r := rng.New(a.seed, rng.SaltSecond, uint64(second))
	first := len(dst)
	for seq := range min(r.Poisson(lambda), maxPerMilli) {
		ms := second*1000 + int64(r.N(1000))
		if a.window {
			ms = second*1000 + 657 + ms%100
		}
		node := r.N(nodes)
		if ms < from || ms >= to {
			continue
		}
		id := snowflake.First(ms) | snowflake.ID(node/24*10<<17|node%24<<12|seq)
		dst = append(dst, Tweet{ID: id, Partition: a.Partition(id), source: src})
	}
	slices.SortFunc(dst[first:], func(x, y Tweet) int { return cmp.Compare(x.ID, y.ID) })
	return dst
}

// Partition implements Source.
func (a *arrivals) Partition(id snowflake.ID) int {
	r := rng.New(a.seed, rng.SaltPartition, uint64(id))
	return 1 + r.N(a.partitions)
}
