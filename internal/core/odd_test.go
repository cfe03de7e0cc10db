package core

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// Tweets that are each of a minute, or a second, of its own: all come, each once, and what is kept for them is bounded.
func TestOddMinutesStayBounded(t *testing.T) {
	const many = 40_000
	for name, c := range map[string]struct{ from, step time.Duration }{
		"minutes to come":     {2 * time.Hour, time.Minute},
		"minutes long ago":    {-2000 * time.Hour, -time.Minute},
		"seconds long ago":    {-2000 * time.Hour, -time.Second},
		"all of them, unsure": {48 * time.Hour, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t}
			s.config(Config{Partitions: []int{1}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, DedupWindow: time.Hour,
				Interval: 10 * time.Second})
			s.live()
			s.do("accept")
			if name != "all of them, unsure" {
				s.feedOpen(5)
			}
			before, at := len(s.ids), s.now.Add(c.from)
			for range many / 1000 {
				var frames []wire.Frame
				for range 1000 {
					frames = append(frames, s.frame(snowflake.First(at.UnixMilli())|1<<12))
					at = at.Add(c.step)
				}
				s.deliver(0, frames)
				s.do("+1s")
			}
			p := s.core.partitions[0]
			require.Equal(t, many, len(s.ids)-before, "a Tweet with an odd id is a Tweet")
			require.LessOrEqual(t, len(p.book.Minutes()), oddMost+20)
			if c.step.Abs() == time.Minute {
				require.Equal(t, int64(many-oddMost), p.book.Find(ledger.Elsewhere).Unique)
			}
			size := s.core.seen.Size()
			require.LessOrEqual(t, size.OddBytes, int64(10<<20))
			require.Less(t, size.Cold, 20)
			if name != "all of them, unsure" {
				require.LessOrEqual(t, size.IDs, before, "the stream's own have their place")
			}
			sum := int64(0)
			for _, m := range p.book.Minutes() {
				sum += p.book.Find(m).Emitted
			}
			require.Equal(t, int64(len(s.ids)), sum, "each is in one account")
		})
	}
}

// A copy of a Tweet with an odd id is a copy, on whichever connection, and however the stream's time goes on meanwhile.
func TestACopyOfAnOddTweet(t *testing.T) {
	s := newStory(t, 2, 0)
	s.do("accept")
	s.feedOpen(5)
	s.do("odd", "p1.c0", "off=61m")
	s.do("odd", "p1.c1", "off=61m")
	s.do("odd", "p1.c0", "off=20h")
	emitted := len(s.ids)
	for range 30 {
		s.feedOpen(5)
		emitted += 5 * 2 * 3
		s.do("odd", "p1.c1", "off="+(61*time.Minute-s.now.Sub(s.start)+5*time.Second).String())
	}
	require.Len(t, s.ids, emitted)
}

// What Telegraf throws away of Tweets of no time that the stream was at can be asked of nobody: it opens no gap.
func TestALostOddTweetOpensNoGap(t *testing.T) {
	s := newStory(t, 1, 0)
	s.do("accept")
	s.feedOpen(5)
	s.core.accepted.dropped = 1
	for _, off := range []time.Duration{3 * time.Minute, 2 * time.Hour, -9000 * time.Hour} {
		id := snowflake.First(s.now.Add(off).UnixMilli()) | 1<<12
		s.deliver(0, []wire.Frame{s.frame(id)})
		require.Zero(t, s.core.loseTweets([]ledger.Sent{{ID: id, Partition: 1}}, ledger.CauseDropped, false), off)
	}
	require.Empty(t, s.core.gaps.Of(0))
	require.Equal(t, 1, s.core.loseTweets([]ledger.Sent{{ID: snowflake.First(s.now.Add(-2*time.Second).UnixMilli()) | 1<<12, Partition: 1}}, ledger.CauseDropped, false))
}
