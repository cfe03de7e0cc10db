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

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
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

// book is what is known and stored of minutes and gaps: in words, and the times in the same order.
type book struct {
	said    []string
	times   []int64
	minutes map[shelfKey]int64 // unique Tweets
}

func (b *book) say(what string, spans ...timeline.Span) {
	for _, s := range spans {
		b.said, b.times = append(b.said, what), append(b.times, s.From, s.To)
	}
}

func (s *script) ledger() (b book) {
	b = book{said: s.said, minutes: map[shelfKey]int64{}}
	for _, p := range s.core.partitions {
		b.say("covered", s.core.coverage(p).Spans()...)
		b.say("begin, position", timeline.Span{From: p.begin, To: p.position})
		b.say("lost", p.book.Lost.Spans()...)
		for _, h := range s.core.gaps.Of(p.index) {
			b.say(gapText(h.Record()), h.Span)
		}
		for _, m := range p.book.Minutes() {
			if n := p.book.Find(m).Unique; n > 0 {
				b.minutes[shelfKey{p.id, m}] = n
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(s.shelf.gaps), shelfKey.compare) {
		b.say("stored "+gapText(s.shelf.gaps[k]), s.shelf.gaps[k].Span)
	}
	return b
}

func gapText(g ledger.GapRecord) string {
	return fmt.Sprintf("gap of %d %v %s %s dark=%v asked=%d", g.Partition, g.State, g.Cause, g.FilledBy, g.Dark, g.Asked)
}

// requireSame: the books agree but for the minute of the lie, and for as long as one voice among few may move what they
// agree on.
func requireSame(t *testing.T, honest, with book, lie snowflake.ID, words string) {
	minutes := maps.Clone(honest.minutes)
	not := func(k shelfKey, _ int64) bool { return k.minute == timeline.MinuteOf(lie.Milli()) }
	maps.DeleteFunc(minutes, not)
	maps.DeleteFunc(with.minutes, not)
	require.Equal(t, minutes, with.minutes, words)
	require.Equal(t, honest.said, with.said, words)
	for i := range honest.times {
		require.InDelta(t, honest.times[i], with.times[i], 1000, words)
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
	requireSame(t, honest, with, l.told, fmt.Sprintf("an id off by %v in batch %d", l.off, batch))
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
			rng := rand.New(rand.NewPCG(seed, 3)) // a life, repeated by its seed
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
