package core

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// arrive says of the oldest Tweets on their way what became of them.
func (s *script) arrive(verb string, n int) {
	part := slices.Clone(s.way[:n])
	s.way = s.way[n:]
	ev := Event{Kind: Delivered, Sent: part}
	if verb == "refused" {
		ev.Sent, ev.Refused = nil, part
	}
	s.step(ev)
}

// spooled is what a spool would hold of those on their way, at a start.
func (s *script) spooled() *ledger.Spooled {
	if !s.cfg.Acknowledged {
		return nil
	}
	p := &ledger.Spooled{}
	for _, t := range s.way[:len(s.way)-s.lost()] {
		if slices.Contains(s.shelf.load(timeline.MinuteOf(t.ID.Milli())), t.ID) {
			p.Waiting = append(p.Waiting, t)
		} else {
			p.Unknown = append(p.Unknown, t)
		}
		s.ids[t.ID] = true
	}
	s.way = s.way[:len(s.way)-s.lost()]
	return p
}

// lost is how many of those on their way were in no spool, being neither written nor delivered.
func (s *script) lost() int { return s.posted }

// report brings what Telegraf says of its one output's buffer, lag ago.
func (s *script) report(args map[string]string) {
	number := func(key string) int64 {
		if args[key] == "" {
			return 0
		}
		return int64(s.number(args[key]))
	}
	at := s.now.Add(s.clock)
	if args["lag"] != "" {
		at = at.Add(-s.duration(args["lag"]))
	}
	s.step(Event{Kind: Reported, Report: feedback.Report{Output: "file", At: at.UnixNano(), Added: number("added"), Written: number("written"),
		Dropped: number("dropped"), Size: number("size"), Limit: number("limit")}})
	if e := s.ready.Feedback; e != nil && s.show["feedback"] {
		before := "never"
		if e.Before != 0 {
			before = s.now.Sub(time.Unix(0, e.Before)).Round(time.Second).String() + " ago"
		}
		s.say("feedback pause=%v before=%s dropped=%d", e.Pause, before, e.Dropped)
	}
}
