package world

import (
	"cmp"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// Config of a World. The zero value is a Decahose of 400 Tweets per second.
type Config struct {
	Seed       uint64
	Rate       float64 // Tweets per second, all partitions together; 0: 400, about the Decahose of 2019; negative: none
	Partitions int     // 0: 2

	// Profile, if set, multiplies the rate by a pure function of the Unix millisecond.
	Profile func(ms int64) float64
	// Season makes days and weeks of it; the zero Season is none.
	Season Season
	// SampleWindow puts all ids into milliseconds 657 to 756 of their second, as the old 10 % sample did.
	SampleWindow bool
	// Sparse draws arrivals by the second and not by the millisecond: another World, in which days of a
	// few Tweets per second take seconds to tell. At most 900 Tweets per second.
	Sparse bool
	// Short makes records of the least that a Tweet needs, without edits: for days in fake time.
	Short bool
	// Deleted is the share of Tweets that Replay and Recovery no longer have; 0: 1 %; negative: none.
	Deleted float64
}

// World holds every Tweet of all time. The same seed is the same World; records are a function of
// seed and id alone, whoever reads them from wherever. Safe for concurrent use.
type World struct {
	arrivals
	users  [userCount]atomic.Pointer[user] // made when first met
	bodies [bodyCount]atomic.Pointer[body]
	vocab  []vocabulary
	pens   sync.Pool     // *pen: scratch for one record
	later  func() *World // this World as it is when a Replay runs; nil: it is that
	edits  edits
	gone   float64
	short  bool
}

// New returns the World of a seed.
func New(cfg Config) *World {
	w := &World{arrivals: arrivals{seed: cfg.Seed, rate: max(0, cmp.Or(cfg.Rate, 400)),
		partitions: cmp.Or(cfg.Partitions, 2), window: cfg.SampleWindow, sparse: cfg.Sparse, profile: cfg.Season.over(cfg.Profile)},
		gone: max(0, cmp.Or(cfg.Deleted, 0.01)), short: cfg.Short}
	w.vocab = newVocabularies(cfg.Seed)
	w.pens.New = func() any { return &pen{world: w} }
	w.later = sync.OnceValue(w.age)
	return w
}

// Sparse says that arrivals are drawn by the second.
func (w *World) Sparse() bool { return w.sparse }

// Partitions implements Source.
func (w *World) Partitions() int { return w.partitions }

// Milli implements Source.
func (w *World) Milli(dst []Tweet, ms int64, factor float64) []Tweet {
	return w.milli(dst, w, ms, factor)
}

// Span implements Source.
func (w *World) Span(dst []Tweet, from, to int64, factor float64) []Tweet {
	return w.span(dst, w, from, to, factor)
}

// Tweets are those created in [from, to), in id order.
func (w *World) Tweets(from, to time.Time) iter.Seq[Tweet] { return Tweets(w, from, to) }

// AppendRecord implements Source: the native enriched record of an id (x-api.md §6.2), timestamp_ms last.
func (w *World) AppendRecord(dst []byte, id snowflake.ID) []byte {
	if w.short {
		return appendShort(dst, id)
	}
	p := w.pens.Get().(*pen)
	defer w.pens.Put(p)
	return p.record(dst, id)
}

func appendShort(dst []byte, id snowflake.ID) []byte {
	created := id.Time().UTC()
	return fmt.Appendf(dst, `{"created_at":"%s","id":%d,"id_str":"%d","text":"short","user":{"id":1,"screen_name":"short"},"lang":"en","timestamp_ms":"%d"}`,
		created.Format(time.RubyDate), id, id, created.UnixMilli())
}
