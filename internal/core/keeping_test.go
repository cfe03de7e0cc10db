package core

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// nouns are words of a command that name no connection.
var nouns = map[string]bool{"clean": true, "crash": true, "reboot": true, "commits": true, "loads": true, "sink": true,
	"recover": true, "forget": true, "repair": true, "again": true}

// keeping are the commands about store, sink, requests and restarts.
func (s *script) keeping(verb string, conns []int, args map[string]string) {
	switch verb {
	case "steps": // what the core says that it will do about its gaps
		for _, r := range s.core.steps() {
			s.say("step p%d %s: %s", r.Partition, r.First, r.Text)
		}
	case "hold", "free": // commits, loads, sink
		for _, what := range []string{"commits", "loads", "sink"} {
			if args[what] != "" {
				s.hold[what] = verb == "hold"
			}
		}
		if verb == "free" {
			s.free()
			s.turn()
		}
	case "unread", "read":
		s.unread = verb == "unread"
	case "disk": // err=…, or nothing: it is well again
		s.disk = args["err"]
	case "committed":
		s.committed("")
	case "commit-failed":
		s.committed(args["err"])
	case "loaded":
		s.loaded(args["err"])
	case "replay":
		for _, c := range conns {
			s.replay(c, args)
		}
	case "copy":
		for _, c := range conns {
			s.copy(c, args)
		}
	case "result":
		for _, c := range conns {
			s.deliver(c, []wire.Frame{{Kind: wire.Notice, Data: result(s, args)}})
		}
	case "order":
		s.order(args)
	case "delivered", "refused": // the oldest of those on their way
		s.arrive(verb, s.number(args["n"]))
	case "report":
		s.report(args)
	case "show":
		clear(s.show)
		for what := range strings.SplitSeq(strings.Trim(args["only"], "()"), ",") {
			s.show[what] = true
		}
	case "await": // a request, while the stream goes on
		for _, c := range conns {
			s.await(c)
		}
	case "odd": // n Tweets whose ids are off by so much, each by step more than the one before
		for _, c := range conns {
			s.odd(c, args)
		}
	case "sleep": // this host, and our steady clock with it; its wall clock, and X, go on
		d := s.duration(args["for"])
		s.clock += d
		s.asleep += d
	case "clock":
		s.clock += s.duration(args["step"])
	case "restart":
		s.restart(args)
	default:
		s.t.Fatalf("unknown command %q", verb)
	}
}

// wantUnderWay: a request that was not made says nothing.
func (s *script) wantUnderWay(conns []int) {
	for _, c := range conns {
		if k := c - len(s.core.conns); k >= 0 {
			require.True(s.t, s.open[c] || s.dials[c], "request %d is not under way", k)
		}
	}
}

// keep takes what is for store and sink. What is not held is answered at once.
func (s *script) keep() {
	if s.ready.Commit != nil {
		require.Nil(s.t, s.flight, "two commits at once")
		s.flight, s.exact = s.ready.Commit, !s.hold["commits"]
		s.showCommit(s.flight)
	}
	for _, m := range s.ready.Load { // what is stored later is not read
		s.loads = append(s.loads, Event{Kind: Loaded, Minute: m, IDs: s.shelf.load(m)})
	}
	s.posted += len(s.ready.From)
	for i := range s.ready.From {
		s.way = append(s.way, ledger.Sent{ID: s.ready.Tweets[i].ID, Partition: s.ready.From[i]})
	}
	s.free()
}

// await lets time pass, and the open connections deliver, until the request is under way.
func (s *script) await(c int) {
	for range 40 * 60 {
		if s.dials[c] {
			return
		}
		s.feedOpen(1)
	}
	s.t.Fatalf("no request came")
}

// free lets what is not held be answered.
func (s *script) free() {
	if !s.hold["sink"] && s.posted > 0 {
		s.todo = append(s.todo, Event{Kind: Written, Tweets: int64(s.posted)})
		s.posted = 0
	}
	if !s.hold["commits"] && s.flight != nil {
		s.todo = append(s.todo, Event{Kind: Committed, Err: s.disk})
	}
	if !s.hold["loads"] {
		s.todo = append(s.todo, s.loads...)
		s.loads = nil
	}
}

func (s *script) committed(err string) {
	require.NotNil(s.t, s.flight, "no commit is under way")
	s.todo = append(s.todo, Event{Kind: Committed, Err: err})
	s.turn()
}

func (s *script) loaded(err string) {
	loads := s.loads
	s.loads = nil
	for _, ev := range loads {
		if ev.Err = err; err != "" {
			ev.IDs = nil
			maps.DeleteFunc(s.ids, func(id snowflake.ID, _ bool) bool { return timeline.MinuteOf(id.Milli()) == ev.Minute })
		}
		s.todo = append(s.todo, ev)
	}
	s.turn()
}

// answer brings what store or sink say, and lets those go on that waited for it.
func (s *script) answer(ev Event) {
	if ev.Kind == Committed {
		if s.flight == nil {
			return // answered meanwhile
		}
		if ev.Err == "" {
			s.shelf.commit(s.flight)
			if s.exact {
				checkRestart(s.t, s.core, s.shelf, s.moment(), s.now)
			}
		}
		s.flight = nil
	}
	s.step(ev)
	if ev.Kind != Loaded {
		return
	}
	for conn := range s.core.conns {
		s.goOn(conn)
	}
	for k := range s.core.Requests() {
		s.goOn(len(s.core.conns) + k)
	}
}

// hear brings what a connection says.
func (s *script) hear(ev Event) {
	s.todo = append(s.todo, ev)
	s.turn()
}

// turn brings events in turn: they lead to more of them.
func (s *script) turn() {
	for n := 0; !s.busy && len(s.todo) > 0; n++ {
		require.Less(s.t, n, 100_000, "the core spins")
		next := s.todo[0]
		s.todo, s.busy = s.todo[1:], true
		switch {
		case s.left[next.Conn] && (next.Kind == Received || next.Kind == Read):
		case next.Kind == Received || next.Kind == Read:
			s.waiting[next.Conn] = append(s.waiting[next.Conn], next)
			s.goOn(next.Conn)
		default:
			s.answer(next)
		}
		s.busy = false
	}
}

// goOn takes what waits, up to the next that has to.
func (s *script) goOn(conn int) {
	for len(s.waiting[conn]) > 0 {
		ev := s.waiting[conn][0]
		s.waiting[conn] = s.waiting[conn][1:]
		s.step(ev)
		if s.waits {
			s.waiting[conn] = append([]Event{ev}, s.waiting[conn]...)
			return
		}
	}
}

// replay delivers the minutes from … to of all partitions of a request, ten seconds in a batch, each without its first
// Tweets, less of them.
func (s *script) replay(c int, args map[string]string) {
	rate, less := 30, 0
	if v := args["less"]; v != "" {
		less = s.number(v)
	}
	if v := args["rate"]; v != "" {
		rate = s.number(v)
	}
	n := s.core.requestConn(c - len(s.core.conns))
	for at := s.at(args["from"]); at.Before(s.at(args["to"])); at = at.Add(10 * time.Second) {
		var frames []wire.Frame
		for k := range 10 {
			for _, p := range s.cfg.Partitions {
				if n.job.query.Partition == ledger.AnyPartition || n.job.query.Partition == p {
					frames = append(frames, s.tweets(p, at.Add(time.Duration(k+1)*time.Second), rate)...)
				}
			}
		}
		s.deliver(c, frames[less:])
	}
}

// copy delivers the minutes from … to as an archive has them, of all partitions or of one, and then says that each was
// read, with an error or not.
func (s *script) copy(c int, args map[string]string) {
	rate := 30
	if v := args["rate"]; v != "" {
		rate = s.number(v)
	}
	partitions := s.cfg.Partitions
	if v := args["partition"]; v != "" {
		partitions = []int{s.number(v)}
	}
	for at := s.at(args["from"]); at.Before(s.at(args["to"])); at = at.Add(time.Minute) {
		for k := range 60 {
			var frames []wire.Frame
			for _, p := range partitions {
				frames = append(frames, s.tweets(p, at.Add(time.Duration(k+1)*time.Second), rate)...)
			}
			s.deliver(c, frames)
		}
		s.hear(Event{Kind: Read, Conn: c, Minute: timeline.MinuteOf(at.UnixMilli()), Err: args["err"]})
	}
}

// at is the time of day of the story's first day, as 15:04.
func (s *script) at(v string) time.Time {
	t, err := time.Parse("15:04", v)
	require.NoError(s.t, err)
	return s.start.Truncate(24 * time.Hour).Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute)
}

// result is X's message about a request.
func result(s *script, args map[string]string) []byte {
	body := fmt.Sprintf(`"message":%q`, args["message"])
	if v := args["count"]; v != "" {
		body += `,"activity_count":` + v
	}
	if v := args["failed"]; v != "" {
		var minutes []string
		for m := range strings.SplitSeq(v, ",") {
			minutes = append(minutes, strconv.Quote(s.at(m).Format("2006-01-02T15:04:05+00:00")))
		}
		body += `,"minutes_failed":[` + strings.Join(minutes, ",") + `]`
	}
	if v := args["unprocessed"]; v != "" {
		from, to, _ := strings.Cut(v, "-")
		body += fmt.Sprintf(`,"unprocessed_range":{"fromDate":%q,"toDate":%q}`, s.at(from).Format(time.RFC3339), s.at(to).Format(time.RFC3339))
	}
	return []byte(`{"info":{` + body + `}}`)
}

func (s *script) order(args map[string]string) {
	s.orders++
	o := ledger.Order{ID: s.orders, Kind: "recover", From: timeline.MinuteOf(s.at(args["from"]).UnixMilli()), To: timeline.MinuteOf(s.at(args["to"]).UnixMilli())}
	if args["forget"] != "" {
		o.Kind = "forget"
	}
	if args["repair"] != "" { // the first Tweets of each minute, as they are stored
		o.Kind, o.Sent = "repair", s.stored(o.From, o.To, s.number(args["n"]))
	}
	if args["again"] != "" {
		o.Kind, o.Sent = ledger.OrderAgain, s.stored(o.From, o.To, s.number(args["n"]))
	}
	if v := args["partition"]; v != "" {
		o.Partition = s.number(v)
	}
	before := len(s.shelf.answers)
	s.step(Event{Kind: Ordered, Orders: []ledger.Order{o}})
	for _, a := range s.shelf.answers[before:] {
		s.say("answer: %s", a.Text)
	}
}

// stored are the first n Tweets of each minute; one that was emitted again is of the partition that was not known.
func (s *script) stored(from, to timeline.Minute, n int) (sent []ledger.Sent) {
	for m := from; m < to; m++ {
		ids := slices.Compact(slices.Sorted(slices.Values(s.shelf.load(m))))
		for _, id := range ids[:min(n, len(ids))] {
			t := ledger.Sent{ID: id, Partition: int32(s.cfg.Partitions[0])}
			for p, of := range s.shelf.ids[m] {
				if slices.Contains(of, id) && !slices.Contains(s.shelf.ids[m][ledger.AnyPartition], id) {
					t.Partition = int32(p)
				} else if slices.Contains(of, id) {
					t.Partition = ledger.AnyPartition
				}
			}
			sent = append(sent, t)
		}
	}
	return sent
}

// restart ends the process, in order or not, and begins the next one after a while.
func (s *script) restart(args map[string]string) {
	if args["clean"] != "" {
		s.step(Event{Kind: Stop})
		for c := range s.open {
			if s.open[c] {
				s.step(Event{Kind: Ended, Conn: c, End: End{Class: "stop", Opened: true}})
			}
		}
		s.step(Event{Kind: Final, Drained: true})
		require.True(s.t, s.shelf.last.Clean, "the end was not clean")
	} else {
		clear(s.ids) // repeats are allowed
	}
	s.now = s.now.Add(s.duration(args["down"]))
	if args["reboot"] != "" {
		s.boot++
		s.bootAt = s.now
	}
	s.live()
}

// checkAsked: what is noted as a request now is missing, old enough and not too old.
func (s *script) checkAsked() {
	c := s.core
	for k := range c.Requests() {
		n := c.requestConn(k)
		if n.state != dialing || !n.dialedAt.Equal(s.now) {
			continue
		}
		q, r, now := n.job.query, c.cfg.Recovery, c.clock.At(s.now)
		if k := n.job.archive; k != X {
			r.Delay, r.Horizon, r.Window = c.cfg.Archives[k].Delay, c.cfg.Archives[k].Horizon, readMost*time.Minute
		}
		require.LessOrEqual(s.t, (q.To-1).Milli()+timeline.MinuteMilli+r.Delay.Milliseconds(), now, "%v is too young", q)
		require.GreaterOrEqual(s.t, q.From.Milli()+r.Horizon.Milliseconds(), now, "%v is too old", q)
		require.LessOrEqual(s.t, int64(q.To-q.From), int64(r.Window/time.Minute))
		var missing timeline.Set
		for _, p := range c.partitions {
			for _, h := range c.gaps.Of(p.index) {
				if concerns(q, p.id) {
					first, end := c.gaps.Whole(h).Minutes()
					missing.Add(timeline.Span{From: first.Milli(), To: end.Milli()})
				}
			}
		}
		asked := timeline.Span{From: q.From.Milli(), To: q.To.Milli()}
		require.Equal(s.t, asked.Len(), missing.Covered(asked), "%v is not missing", q)
	}
}

// asked names the minutes of a request.
func (s *script) asked(q refill.Request) string {
	name := fmt.Sprintf("%s-%s", clock15(q.From), clock15(q.To))
	if q.Partition != ledger.AnyPartition {
		name += fmt.Sprintf(" p%d", q.Partition)
	}
	return name
}

func clock15(m timeline.Minute) string { return time.UnixMilli(m.Milli()).UTC().Format("15:04") }

func (s *script) showCommit(k *ledger.Commit) {
	if !s.show["commit"] {
		return
	}
	parts := []string{"commit"}
	ids := 0
	for _, g := range k.IDs {
		ids += len(g.IDs)
	}
	parts = append(parts, fmt.Sprintf("ids=%d", ids))
	for _, p := range k.Partitions {
		parts = append(parts, fmt.Sprintf("p%d<%s", p.Partition, time.UnixMilli(p.Position).UTC().Format("15:04:05")))
	}
	for _, g := range k.Gaps {
		dark := ""
		if g.Dark {
			dark = ",dark"
		}
		parts = append(parts, fmt.Sprintf("gap(p%d %s %s%s)", g.Partition, clock15(g.First()), g.State, dark))
	}
	for _, r := range k.Requests {
		if !slices.Contains(s.numbers, r.ID) {
			s.numbers = append(s.numbers, r.ID)
		}
		r.ID = int64(slices.Index(s.numbers, r.ID) + 1)
		parts = append(parts, fmt.Sprintf("request(%d %s-%s %s)", r.ID, clock15(r.From), clock15(r.To), r.Result))
	}
	if k.Clean {
		parts = append(parts, "clean")
	}
	s.say("%s", strings.Join(parts, " "))
}
