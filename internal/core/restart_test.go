package core

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// checkRestart: a process that is killed now and begun again knows of each partition, up to the stored position, what
// this one knows, to the millisecond; everything behind the position is missing.
func checkRestart(t require.TestingT, c *Core, s *shelf, started ledger.Moment, now time.Time) {
	cfg := c.cfg
	cfg.Past, cfg.Started = s.past(), started
	cfg.Past.Hours = nil // what is remembered of volumes says nothing of what is missing
	next := New(cfg)
	next.Step(now, Event{Kind: Tick, Wall: started.Wall}, &Ready{})
	for at, m := range s.minutes {
		for _, x := range m.Covered {
			require.Less(t, x.From, x.To)
			require.LessOrEqual(t, x.To, s.partitions[at.partition].Position, "%v of partition %d claims more than is done", at.minute, at.partition)
		}
	}
	u := c.unsettled()
	for i, p := range c.partitions {
		n := next.partitions[i]
		if p.begin == 0 {
			require.Zero(t, n.begin)
			continue
		}
		done := timeline.Span{From: max(p.begin, c.keep().Milli()), To: min(p.position, pending(p))}
		for a := range u.doubts { // Tweets that came late and are not safe: their minutes are asked for again
			if a.partition == i {
				done = timeline.Span{}
			}
		}
		if !done.Empty() {
			require.Equal(t, c.coverage(p).Within(done), next.coverage(n).Within(done), "coverage of partition %d", p.id)
		}
		held, has := heldByGaps(c, p), heldByGaps(next, n)
		if gaps := c.gaps.Of(p.index); len(gaps) > 0 && gaps[len(gaps)-1].Span.To < p.position {
			join(&held, p.position)
		}
		for _, x := range p.book.Lost.Spans() { // that of the last minute is not stored yet
			held.Remove(x)
			done.To = min(done.To, max(x.From, timeline.MinuteOf(p.position).Milli()))
		}
		if !done.Empty() {
			require.Equal(t, held.Within(done), has.Within(done), "gaps of partition %d", p.id)
		}
		behind := timeline.Span{From: p.position, To: next.clock.At(now)}
		require.Equal(t, behind.Len(), has.Covered(behind), "partition %d: nothing behind the position is done", p.id)
		checkGaps(t, next, n)
	}
}

// join adds what lies between the last gap and the position, if a restart makes them one: it opens a gap at the
// position, and gaps that share a minute, or are in neighbouring ones, are one.
func join(held *timeline.Set, position int64) {
	spans := held.Within(timeline.Span{To: position})
	if len(spans) == 0 {
		return
	}
	if to := spans[len(spans)-1].To; to < position && timeline.MinuteOf(position) <= timeline.CeilMinute(to) {
		held.Add(timeline.Span{From: to, To: position})
	}
}

func heldByGaps(c *Core, p *partition) (held timeline.Set) {
	for _, h := range c.gaps.Of(p.index) {
		held.Add(c.gaps.Whole(h))
	}
	return held
}

// TestRestartForgetsNothing: a random story, with a look at what is stored at each commit.
func TestRestartForgetsNothing(t *testing.T) {
	stories, commits := 80, 0
	if testing.Short() {
		stories = 24
	}
	for seed := range uint64(stories) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { commits += story(t, seed).shelf.commits })
	}
	require.Greater(t, commits, 20*stories)
}

// story lets connections come and go, with restarts, requests, orders and trouble in between. The script looks at each
// commit, see checkRestart.
func story(t *testing.T, seed uint64) *script {
	rng := rand.New(rand.NewPCG(seed, 1)) // a story, repeated by its seed
	s := newStory(t, 1+int(seed%2), int(seed/2%2))
	s.unfold(rng)
	return s
}

// unfold lets a random story happen.
func (s *script) unfold(rng *rand.Rand) {
	for range 80 {
		s.act(byte(rng.Uint32()), byte(rng.Uint32()))
	}
	s.well()
	s.do("accept")
	s.feedOpen(30)
}

// TestUnreadableMinutesBecomeGaps: exactly the minutes whose rows are gone.
func TestUnreadableMinutesBecomeGaps(t *testing.T) {
	for seed := range uint64(8) {
		s := story(t, seed)
		s.feedOpen(200)
		rng := rand.New(rand.NewPCG(seed, 2)) // a story, repeated by its seed
		past := s.shelf.past()
		var kept []ledger.MinuteRecord
		gone := map[int]*timeline.Set{1: {}, 2: {}}
		for i := range past.Minutes {
			m := past.Minutes[i]
			if set := gone[m.Partition]; set != nil && rng.IntN(3) == 0 {
				set.Add(m.Minute.Span())
			} else {
				kept = append(kept, m)
			}
		}
		cfg := s.core.cfg
		cfg.Past, cfg.Started = s.shelf.past(), s.moment()
		whole := New(cfg)
		whole.Step(s.now, Event{Kind: Tick}, &Ready{})
		past.Minutes = kept
		cfg.Past = past
		next := New(cfg)
		next.Step(s.now, Event{Kind: Tick}, &Ready{})
		for i, p := range next.partitions {
			span := timeline.Span{From: p.begin, To: p.position}
			had, has := heldByGaps(whole, whole.partitions[i]), heldByGaps(next, p)
			for _, x := range gone[p.id].Spans() {
				had.Add(x)
			}
			join(&had, p.position)
			require.Equal(t, had.Within(span), has.Within(span), "gaps of partition %d", p.id)
			checkGaps(t, next, p)
		}
	}
}
