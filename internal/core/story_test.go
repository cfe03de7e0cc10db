package core

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// FuzzLives lets whole lives happen in any order: commits that fail or come late, a blocked sink, ids that are loaded
// late, requests that go wrong, orders, restarts, crashes, a clock that is set. What must hold is checked by the script:
// the book balances, no id is emitted twice in a life or over an orderly restart, what is not covered is in a gap, only
// missing minutes are asked for, the limits hold, and a restart forgets nothing. And a life in which one id lies leaves the
// same ledger as the one without.
func FuzzLives(f *testing.F) {
	f.Add([]byte("connect, deliver, end, restart; connect, deliver, crash, replay; and again, until it holds"))
	f.Add([]byte{11, 0, 0, 60, 4, 0, 6, 250, 6, 250, 11, 0, 0, 80, 8, 3, 0, 30, 10, 1, 11, 0, 0, 70, 13, 9, 0, 9, 8, 4, 0, 20})
	f.Fuzz(func(t *testing.T, program []byte) {
		s := newStory(t, 1+len(program)%2, len(program)/2%2)
		s.enact(program)
		s.do("stop")
		require.Empty(t, s.ready.Connect, "connects after the stop")
		require.Empty(t, s.ready.Requests, "requests after the stop")
		if len(program) > 3 {
			l := lie{off: lies[int(program[0])%len(lies)], batch: 1 + 4*int(program[1]) + int(program[2])}
			requireUnmoved(t, lifeWith(t, program, nil), program, l)
		}
	})
}

// enact lets a life happen, and ends all trouble that is not X's.
func (s *script) enact(program []byte) {
	for n := 0; len(program) >= 2 && n < 100; n++ {
		s.act(program[0], program[1])
		program = program[2:]
	}
	s.well()
}

func newStory(t *testing.T, connections, archives int) *script {
	s := &script{t: t}
	s.beginStory(connections, archives)
	return s
}

func (s *script) beginStory(connections, archives int) {
	s.config(Config{StreamLabel: "prod", Partitions: []int{1, 2}, Connections: connections, ConnectLimit: 10, ConnectPeriod: time.Minute,
		DedupWindow: 3 * time.Minute, SilenceTimeout: 10 * time.Second, Interval: 10 * time.Second, State: true,
		Recovery: refill.Rules{Method: refill.Replay, Window: 10 * time.Minute, Delay: 5 * time.Minute, Horizon: 2 * time.Hour,
			Jobs: 1, Limit: 5, Period: 5 * time.Minute},
		Archives: []refill.Copy{{Name: "b", Delay: 2 * time.Minute, Horizon: 3 * time.Hour}}[:archives]})
	s.live()
}

// act lets one thing happen.
func (s *script) act(what, how byte) {
	name := []string{"p1.c0", "p2.c0", "p1.*", "p2.*"}[how%4]
	seconds := fmt.Sprintf("%ds", how)
	switch what % 16 {
	case 0, 1, 2, 3:
		s.feedOpen(int(how % 90))
	case 4:
		s.do("ended", name, "class="+[]string{"reset", "eof", "full_buffer"}[how/4%3])
	case 5:
		s.do("silent", name)
	case 6:
		s.do("+" + seconds)
	case 7:
		s.do([]string{"hold", "free"}[how%2], []string{"sink", "commits", "loads"}[how/2%3])
	case 8:
		s.serve(how)
	case 9:
		s.serve(how)
		s.serveArchive(how)
	case 10:
		s.again(how)
	case 11:
		s.do("accept")
	case 12:
		s.do("fail", "class=connect")
	case 13:
		now := timeline.MinuteOf(s.now.UnixMilli())
		s.ordered(how, now)
	case 14:
		s.late(how)
	default:
		s.do("disk", []string{"err=disk_full", "err="}[how%2])
	}
}

// ordered is an order of an operator about minutes of the last hour.
func (s *script) ordered(how byte, now timeline.Minute) {
	s.orders++
	o := ledger.Order{ID: s.orders, Kind: []ledger.OrderKind{"recover", "recover", "forget"}[how%3], Partition: int(how / 3 % 3)}
	o.From = now - timeline.Minute(how%60)
	o.To = o.From + timeline.Minute(how%7)
	if how%5 == 4 { // a store lacks some
		o.Kind, o.Sent = "repair", s.stored(o.From, o.To, int(how))
	}
	s.step(Event{Kind: Ordered, Orders: []ledger.Order{o}})
}

// late lets an open connection bring Tweets of up to four minutes ago.
func (s *script) late(how byte) {
	for c := range s.core.conns {
		if s.open[c] {
			s.do("feed", s.name(c), "rate=3", fmt.Sprintf("from=%ds", int(how)+2), fmt.Sprintf("to=%ds", how))
			return
		}
	}
}

// well ends all trouble that is not X's.
func (s *script) well() {
	s.do("disk")
	s.do("free", "sink", "commits", "loads")
	s.do("+6s")
}

// again restarts the process, in order or not.
func (s *script) again(how byte) {
	down := "down=" + strconv.Itoa(int(how)*2) + "s"
	switch how % 5 {
	case 0:
		s.well()
		s.do("restart", "clean", down)
	case 1:
		s.do("clock", "step="+strconv.Itoa(int(how)-128)+"h")
		s.do("restart", "crash", "reboot", down)
	default:
		s.do("restart", "crash", down)
	}
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
func (s *script) serve(how byte) {
	for k, n := range s.core.requests.conns {
		c := len(s.core.conns) + k
		if !s.open[c] && !s.dials[c] {
			continue
		}
		r := "r" + strconv.Itoa(k)
		if how%8 == 0 && s.dials[c] {
			s.do("ended", r, "class=http_503", "status=503")
			continue
		}
		q := n.job.query
		if s.dials[c] && q.To.Milli() > s.now.UnixMilli() { // by a clock that is ahead
			s.do("ended", r, "class=http_406", "status=406", "message=Invalid_date")
			continue
		}
		from, to := clock15(q.From), clock15(q.To)
		if s.dials[c] {
			s.do("opened", r)
		}
		middle := clock15(q.From + (q.To-q.From)/2)
		switch how % 8 {
		case 1:
			s.do("replay", r, "from="+from, "to="+middle, "rate=3")
		case 2:
			s.do("replay", r, "from="+from, "to="+to, "rate=3")
			continue // it goes on
		case 3:
			s.do("replay", r, "from="+from, "to="+to, "rate=3")
			s.do("result", r, "message=Replay_Request_Completed_with_Errors", "failed="+from)
		case 4:
			s.do("result", r, "message=Replay_Request_Completed", "count=9000000")
		default:
			s.do("replay", r, "from="+from, "to="+to, "rate=3")
			s.do("result", r, "message=Replay_Request_Completed")
		}
		s.do("ended", r, "class=eof")
	}
}

// serveArchive answers a reading that is under way: the archive cannot be read, breaks off, is damaged, is thin, or has it.
func (s *script) serveArchive(how byte) {
	for k, n := range s.core.archives.conns {
		c := len(s.core.conns) + len(s.core.requests.conns) + k
		r := s.name(c)
		if !s.open[c] && !s.dials[c] {
			continue
		}
		if how%8 < 3 && s.dials[c] {
			s.do("ended", r, "class="+[]string{"unreachable", "schema", "denied"}[how%8])
			continue
		}
		if s.dials[c] {
			s.do("opened", r)
		}
		q := n.job.query
		from, middle, to := clock15(max(q.From, n.job.reading.At())), clock15(max(q.From+(q.To-q.From)/2, n.job.reading.At())), clock15(q.To+1)
		switch how % 8 {
		case 3:
			s.do("copy", r, "from="+from, "to="+middle, "rate=3")
			s.do("ended", r, "class=timeout")
			continue
		case 4:
			s.do("copy", r, "from="+from, "to="+middle, "rate=3")
			continue // it goes on
		case 5:
			s.do("copy", r, "from="+from, "to="+to, "rate=3", "err=damaged")
		case 6:
			s.do("copy", r, "from="+from, "to="+to, "rate=1")
		default:
			s.do("copy", r, "from="+from, "to="+to, "rate=3")
		}
		s.do("ended", r, "class=completed")
	}
}
