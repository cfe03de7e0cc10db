package core

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/wire"
)

// lie is a Tweet with an id that is off by so much, in the batch of a live connection of that number.
type lie struct {
	off   time.Duration
	batch int
	told  snowflake.ID
}

// lies are how far ids are off: more than the settle time, which is the clock's allowance.
var lies = []time.Duration{11 * time.Second, 40 * time.Second, 3 * time.Minute, 9 * time.Minute, 11 * time.Minute, 2 * time.Hour,
	6 * 24 * time.Hour, 400 * 24 * time.Hour, -11 * time.Minute, -3 * time.Hour, -6 * 24 * time.Hour, -9 * 365 * 24 * time.Hour}

// tell puts the lie into the batch whose turn it is.
func (s *script) tell(c int, frames []wire.Frame) []wire.Frame {
	if c >= len(s.core.conns) || s.lie == nil {
		return frames
	}
	if s.lie.batch--; s.lie.batch != 0 {
		return frames
	}
	ms := s.now.Add(s.skew + s.lie.off).UnixMilli()
	s.lie.told = snowflake.First(ms) | snowflake.ID(s.core.Conns()[c].Partition)<<12 | 7
	return append([]wire.Frame{s.frame(s.lie.told)}, frames...)
}

func (s *script) frame(id snowflake.ID) wire.Frame {
	return wire.Frame{Kind: wire.Record, ID: id, Data: fmt.Appendf(nil, `{"id":%d,"text":"x","user":{"id":1}}`, id)}
}

// book is what is known and stored of minutes and gaps, but for the minute of the lie.
type book struct {
	said     []string
	covered  [][]timeline.Span
	begin    []int64
	position []int64
	lost     [][]timeline.Span
	gaps     []ledger.GapRecord
	stored   map[shelfKey]ledger.GapRecord
	minutes  map[shelfKey]int64
}

func (s *script) ledger() (b book) {
	b = book{said: s.said, stored: s.shelf.gaps, minutes: map[shelfKey]int64{}}
	for _, p := range s.core.partitions {
		b.covered = append(b.covered, p.coverage().Spans())
		b.begin, b.position = append(b.begin, p.begin), append(b.position, p.position)
		b.lost = append(b.lost, p.book.Lost.Spans())
		for _, h := range p.holes {
			b.gaps = append(b.gaps, h.record())
		}
		for _, m := range p.book.Minutes() {
			b.minutes[shelfKey{p.id, m}] = p.book.Find(m).Unique
		}
	}
	return b
}

// without takes out what the lie itself brought.
func (b *book) without(id snowflake.ID) {
	m := timeline.MinuteOf(id.Milli())
	maps.DeleteFunc(b.minutes, func(k shelfKey, _ int64) bool { return k.minute == m })
	for k, g := range b.stored {
		g.Tweets = 0
		b.stored[k] = g
	}
	for i := range b.gaps {
		b.gaps[i].Tweets = 0
	}
}

// lifeWith plays a life in which, perhaps, one id lies, and returns what the ledger says in the end.
func lifeWith(t *testing.T, program []byte, l *lie) book {
	s := newStory(t, 1+len(program)%2, len(program)/2%2)
	s.lie = l
	s.enact(program)
	s.do("accept")
	s.feedOpen(60)
	return s.ledger()
}

// requireUnmoved: the lie moved nothing.
func requireUnmoved(t *testing.T, honest book, program []byte, l lie) (told bool) {
	batch := l.batch
	with := lifeWith(t, program, &l)
	if l.told == 0 {
		return false // the life was over before
	}
	honest.minutes, honest.stored, honest.gaps = maps.Clone(honest.minutes), maps.Clone(honest.stored), slices.Clone(honest.gaps)
	with.without(l.told)
	honest.without(l.told)
	require.Equal(t, honest, with, "an id off by %v in batch %d", l.off, batch)
	return true
}

// TestOneOddIDMovesNothing: a life with one lying id, at any place, leaves the same ledger as one without.
func TestOneOddIDMovesNothing(t *testing.T) {
	stories, told := uint64(12), 0
	if testing.Short() {
		stories = 3
	}
	for seed := range stories {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // a life, repeated by its seed
			program := make([]byte, 2*(20+seed%4))
			for i := range program {
				program[i] = byte(rng.Uint32())
			}
			honest := lifeWith(t, program, nil)
			for _, off := range lies {
				if requireUnmoved(t, honest, program, lie{off: off, batch: 1 + rng.IntN(400)}) {
					told++
				}
			}
		})
	}
	require.Greater(t, told, int(stories)*3)
}

// odd delivers Tweets whose ids lie.
func (s *script) odd(c int, args map[string]string) {
	off, n, step := s.duration(args["off"]), 1, time.Duration(0)
	if args["n"] != "" {
		n, step = s.number(args["n"]), s.duration(args["step"])
	}
	var frames []wire.Frame
	for range n {
		id := snowflake.First(s.now.Add(s.skew+s.asleep+off).UnixMilli()) | snowflake.ID(s.core.Conns()[c].Partition)<<12 | 7
		frames = append(frames, s.frame(id))
		off += step
	}
	s.deliver(c, frames)
}
