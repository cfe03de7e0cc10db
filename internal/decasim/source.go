package decasim

import (
	"iter"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/snowflake"
)

// Source is where the Tweets of a simulation come from: a World, or a Play of recorded ones. It is
// time-addressed: what was created in a millisecond does not depend on who asks, when, or how often.
// Safe for concurrent use.
type Source interface {
	// Partitions is the number of partitions; they count from 1.
	Partitions() int
	// Milli appends the Tweets created in one Unix millisecond, in id order. factor multiplies the rate.
	Milli(dst []Tweet, ms int64, factor float64) []Tweet
	// AppendRecord appends the record of a Tweet of this source, without its \r\n.
	AppendRecord(dst []byte, id snowflake.ID) []byte
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
		for ms := from.UnixMilli(); ms < to.UnixMilli(); ms++ {
			slice = s.Milli(slice[:0], ms, 1)
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
	profile    func(ms int64) float64
}

// Salts keep the generators of different things apart.
const (
	saltMilli = iota + 1
	saltPartition
	saltRecord
	saltUser
	saltBody
	saltEdit
	saltVocabulary
	saltPlay
	saltConnection
	saltPlan
)

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
	r := newRNG(a.seed, saltMilli, uint64(ms))
	n := min(r.poisson(a.lambda(ms, factor)), maxPerMilli)
	first, seq := len(dst), 0
	for range n {
		if r.chance(0.25) && seq+4 < 976-n {
			seq += r.n(4)
		}
		node := r.n(nodes)
		id := snowflake.First(ms) | snowflake.ID(node/24*10<<17|node%24<<12|seq)
		dst = append(dst, Tweet{ID: id, Partition: a.partition(id), source: src})
		seq++
	}
	slices.SortFunc(dst[first:], func(x, y Tweet) int { return int(x.ID - y.ID) })
	return dst
}

func (a *arrivals) partition(id snowflake.ID) int {
	r := newRNG(a.seed, saltPartition, uint64(id))
	return 1 + r.n(a.partitions)
}
