package core

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/recovery"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// checkRestart: a process that is killed now and begun again knows of each partition, up to the stored position, what
// this one knows, to the millisecond; everything behind the position is missing.
func checkRestart(t require.TestingT, c *Core, s *shelf, started ledger.Moment, now time.Time) {
	cfg := c.cfg
	cfg.Past, cfg.Started = s.past(), started
	next := New(cfg)
	next.Step(now, Event{Kind: Tick, Wall: started.Wall}, &Ready{})
	u := c.unsettled()
	for i, p := range c.partitions {
		n := next.partitions[i]
		if p.begin == 0 {
			require.Zero(t, n.begin)
			continue
		}
		done := timeline.Span{From: max(p.begin, c.keep().Milli()), To: p.position}
		for a := range u.doubts { // Tweets that came late and are not safe: their minutes are asked for again
			if a.partition == i {
				done = timeline.Span{}
			}
		}
		require.Equal(t, p.coverage().Within(done), n.coverage().Within(done), "coverage of partition %d", p.id)
		held, has := heldByGaps(c, p), heldByGaps(next, n)
		if k := len(p.holes); k > 0 && p.holes[k-1].Span.To < p.position {
			join(&held, p.position)
		}
		require.Equal(t, held.Within(done), has.Within(done), "gaps of partition %d", p.id)
		behind := timeline.Span{From: p.position, To: next.clock.at(now)}
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
	for _, h := range p.holes {
		held.Add(c.whole(h))
	}
	return held
}

// TestRestartForgetsNothing: a random story, with a look at what is stored at each commit.
func TestRestartForgetsNothing(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			s := story(t, seed)
			require.Greater(t, s.shelf.commits, 20)
		})
	}
}

// story lets connections come and go, silently or not, with restarts and requests in between. Each of its commits is
// looked at by the script, see checkRestart.
func story(t *testing.T, seed uint64) *script {
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a story, repeated by its seed
	s := &script{t: t}
	s.config(Config{StreamLabel: "prod", Partitions: []int{1, 2}, Connections: 1 + int(seed%2), ConnectLimit: 10, ConnectPeriod: time.Minute,
		DedupWindow: 3 * time.Minute, SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second, State: true,
		Recovery: recovery.Rules{Method: recovery.Replay, Window: 10 * time.Minute, Delay: 5 * time.Minute, Horizon: 2 * time.Hour,
			Jobs: 1, Limit: 5, Period: 5 * time.Minute}})
	s.live()
	names := []string{"p1.c0", "p2.c0", "p1.*", "p2.*"}
	for range 60 {
		name := names[rng.IntN(len(names))]
		switch rng.IntN(12) {
		case 0, 1, 2, 3:
			s.feedOpen(rng.IntN(90))
		case 4:
			s.do("ended", name, "class=reset")
		case 5:
			s.do("silent", name)
		case 6:
			s.do("+" + strconv.Itoa(rng.IntN(200)) + "s")
		case 7:
			s.do([]string{"hold", "free", "free"}[rng.IntN(3)], []string{"sink", "commits"}[rng.IntN(2)])
		case 8:
			s.serve(rng.IntN(4))
		case 9:
			s.fail(rng.IntN(2) == 0)
		case 10:
			end := []string{"crash", "crash", "clean"}[rng.IntN(3)]
			s.do("free", "sink", "commits")
			s.do("restart", end, "down="+strconv.Itoa(rng.IntN(400))+"s")
		default:
			s.do("accept")
			s.feedOpen(rng.IntN(30))
		}
	}
	s.do("free", "sink", "commits")
	s.do("accept")
	s.feedOpen(30)
	return s
}

// do is one command, of connections that can be where it needs them.
func (s *script) do(words ...string) {
	if words[0] == "ended" || words[0] == "silent" {
		var open []string
		for _, c := range s.conns(words[1]) {
			if s.open[c] {
				open = append(open, s.name(c))
			}
		}
		if len(open) == 0 {
			return
		}
		words = append([]string{words[0]}, append(open, words[2:]...)...)
	}
	s.command(words)
}

// feedOpen lets all open connections deliver for some seconds.
func (s *script) feedOpen(seconds int) {
	var open []string
	for c := range s.core.conns {
		if s.open[c] {
			open = append(open, s.name(c))
		}
	}
	if len(open) == 0 {
		s.do("+" + strconv.Itoa(seconds) + "s")
		return
	}
	s.do(append([]string{"feed", "rate=3", "for=" + strconv.Itoa(seconds) + "s"}, open...)...)
}

// serve answers a request that is under way: it is refused, cut, completed with an error or completed.
func (s *script) serve(how int) {
	for k, n := range s.core.requests.conns {
		if n.state != dialing {
			continue
		}
		r := "r" + strconv.Itoa(k)
		if how == 0 {
			s.do("ended", r, "class=http_503", "status=503")
			continue
		}
		from, to := clock15(n.job.query.From), clock15(n.job.query.To)
		s.do("opened", r)
		switch how {
		case 1:
			s.do("replay", r, "from="+from, "to="+to, "rate=3")
		case 2:
			s.do("replay", r, "from="+from, "to="+to, "rate=3")
			s.do("result", r, "message=Replay_Request_Completed_with_Errors", "failed="+from)
		default:
			s.do("replay", r, "from="+from, "to="+to, "rate=3")
			s.do("result", r, "message=Replay_Request_Completed")
		}
		s.do("ended", r, "class=eof")
	}
}

// fail answers a commit that is held.
func (s *script) fail(failed bool) {
	switch {
	case s.flight == nil:
	case failed:
		s.do("commit-failed", "err=disk_full")
	default:
		s.do("committed")
	}
}

// TestUnreadableMinutesBecomeGaps: exactly the minutes whose rows are gone.
func TestUnreadableMinutesBecomeGaps(t *testing.T) {
	for seed := range uint64(8) {
		s := story(t, seed)
		s.feedOpen(200)
		rng := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a story, repeated by its seed
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
			named := 0
			for _, h := range p.holes {
				if h.Cause == unreadable {
					named++
				}
			}
			require.True(t, named > 0 || len(gone[p.id].Within(span)) == 0)
		}
	}
}
