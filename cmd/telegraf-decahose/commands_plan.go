package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/recovery"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// plan says what the running plugin will do about a gap, from the rules that it follows too. The limit
// of requests in a period is not part of it: that is a matter of minutes.
type plan struct {
	rules    recovery.Rules
	backfill bool // bought
	now      int64
	live     bool               // the plugin runs
	running  []recovery.Request // that it has under way
	archives []recovery.Copy
	reading  []recovery.Request // that it reads of an archive now
	read     []recovery.Request // that it has read, the gap being there still: they are not whole in it
	first    recovery.Request   // that it makes next; with chosen only
	chosen   bool
	due      int64 // when the next request may be made, if none is chosen; 0: unknown
}

// longestBackfill is how many minutes X sends again at a connect (X: backfill, "up to five minutes").
const longestBackfill = 5

// plan looks at all gaps of the stream, since they wait for each other.
func (s *stream) plan(gaps []ledger.GapRecord) (*plan, error) {
	requests, err := s.reader.Requests()
	if err = s.read(err); err != nil {
		return nil, err
	}
	p := &plan{rules: s.rules, backfill: s.input.Backfill != "none", now: s.now.UnixMilli(), live: s.reader.Running(), archives: s.input.Ways().Archives}
	for _, r := range requests {
		p.note(r)
	}
	var wanted []recovery.Missing
	for i := range gaps {
		if g := &gaps[i]; missing(g) && !p.backfilling(g) && !p.fromArchive(g) {
			wanted = append(wanted, wholeMinutes(g))
		}
	}
	p.first, p.chosen = p.rules.Next(p.now, wanted, p.running)
	if !p.chosen {
		p.due = p.rules.Due(p.now, wanted, p.running)
	}
	return p, nil
}

// note takes a request for what it is.
func (p *plan) note(r ledger.RequestRecord) {
	query, archive := recovery.Request{Partition: r.Partition, From: r.From, To: r.To}, r.Method == recovery.Archive.String()
	switch {
	case r.Ended == 0 && p.live && archive:
		p.reading = append(p.reading, query)
	case r.Ended == 0 && p.live:
		p.running = append(p.running, query)
	case archive:
		p.read = append(p.read, query)
	}
}

// way is what the tree of decisions says of the gap's first minute, while nothing is under way.
func (p *plan) way(g *ledger.GapRecord) recovery.Step {
	first, _ := gapMinutes(g)
	l := recovery.Lack{Span: first.Span(), Words: make([]recovery.Word, len(p.archives))}
	for _, r := range p.read {
		if r.From <= first && first < r.To {
			for k := range l.Words {
				l.Words[k] = recovery.Lacks
			}
		}
	}
	step, _ := recovery.Ways{Archives: p.archives, Rules: p.rules}.Way(p.now, l)
	return step
}

// fromArchive reports whether an archive is read for the gap before X is asked.
func (p *plan) fromArchive(g *ledger.GapRecord) bool {
	step := p.way(g)
	return step == recovery.FromArchive || step == recovery.Wait && p.rules.Method != recovery.None
}

// missing reports whether the gap's minutes may still be had.
func missing(g *ledger.GapRecord) bool {
	return g.State == ledger.GapOpen || g.State == ledger.GapRequested
}

// gapMinutes are the first minute of the gap and the first one after it.
func gapMinutes(g *ledger.GapRecord) (first, end timeline.Minute) {
	return (&ledger.Gap{Span: g.Span}).Minutes()
}

func wholeMinutes(g *ledger.GapRecord) recovery.Missing {
	m := recovery.Missing{Partition: g.Partition}
	first, end := gapMinutes(g)
	m.Minutes.Add(timeline.Span{From: first.Milli(), To: end.Milli()})
	return m
}

// backfilling reports whether a connection was asked for the gap's minutes, and may still bring them.
func (p *plan) backfilling(g *ledger.GapRecord) bool {
	return p.live && g.State == ledger.GapRequested && !p.asked(g)
}

// asked reports whether a running request brings minutes of the gap.
func (p *plan) asked(g *ledger.GapRecord) bool { return overlap(p.running, g) || overlap(p.reading, g) }

func overlap(all []recovery.Request, g *ledger.GapRecord) bool {
	return slices.ContainsFunc(all, func(r recovery.Request) bool { return overlaps(r, g) })
}

func overlaps(r recovery.Request, g *ledger.GapRecord) bool {
	first, end := gapMinutes(g)
	return (r.Partition == 0 || r.Partition == g.Partition) && r.From < end && first < r.To
}

// next is what is done about the gap, and when, in stream time, where that is known.
func (p *plan) next(g *ledger.GapRecord) (text string, at *time.Time) {
	switch {
	case g.State == ledger.GapLost:
		return "lost", nil
	case g.State == ledger.GapRecovered:
		return "done", nil
	case overlap(p.reading, g):
		return "being read (archive)", nil
	case p.asked(g):
		return fmt.Sprintf("being asked (%v)", p.rules.Method), nil
	case p.backfilling(g):
		return "being asked (backfill)", nil
	case g.Dark && p.backfill && wholeLength(g) <= longestBackfill:
		return "reconnect, then backfill", nil
	}
	if text, at = p.archive(g); text == "" {
		text, at = p.request(g)
	}
	if g.Dark {
		text = "reconnect; " + text
	}
	return text, at
}

func wholeLength(g *ledger.GapRecord) timeline.Minute {
	first, end := gapMinutes(g)
	return end - first
}

// archive is when one is read for the gap; empty: none is, before X is asked.
func (p *plan) archive(g *ledger.GapRecord) (text string, at *time.Time) {
	first, _ := gapMinutes(g)
	switch p.way(g) {
	case recovery.FromArchive:
		now := milliTime(p.now)
		return "archive now", &now
	case recovery.Wait:
		if len(p.archives) == 0 {
			return "", nil
		}
		due := p.archives[0].Ripe(first)
		if due <= p.now {
			return "archive again later", nil
		}
		t := minuteTime(timeline.CeilMinute(due))
		return "archive at " + p.clock(t), &t
	}
	return "", nil
}

// request is when Replay or Recovery is asked for the gap.
func (p *plan) request(g *ledger.GapRecord) (text string, at *time.Time) {
	name := methodName(p.rules.Method)
	if p.rules.Method == recovery.None {
		return `none: recovery = "none"`, nil
	}
	alone := []recovery.Missing{wholeMinutes(g)}
	due := p.rules.Due(p.now, alone, nil)
	if _, ripe := p.rules.Next(p.now, alone, nil); ripe {
		now := milliTime(p.now)
		switch {
		case p.chosen && overlaps(p.first, g):
			return name + " now", &now
		case len(p.running) >= p.rules.Jobs:
			return name + " after the running one", nil
		case p.due == 0:
			return name + " after older gaps", nil
		}
		due = p.due // together with neighbours that are too young
	}
	if due == 0 {
		return "none: expired, will be lost", nil
	}
	t := minuteTime(timeline.CeilMinute(due))
	return name + " at " + p.clock(t), &t
}

// clock leaves the date out within a day.
func (p *plan) clock(t time.Time) string {
	if t.Sub(milliTime(p.now)) < 24*time.Hour {
		return t.Format("15:04Z")
	}
	return minuteText(t)
}

func methodName(m recovery.Method) string {
	return map[recovery.Method]string{recovery.Replay: "Replay", recovery.Recovery: "Recovery"}[m]
}

// expires is when the first minute of a gap can no longer be asked for; nil where nobody asks.
func (p *plan) expires(g *ledger.GapRecord) *time.Time {
	if p.rules.Method == recovery.None && len(p.archives) == 0 || !missing(g) {
		return nil
	}
	first, _ := gapMinutes(g)
	t := milliTime(p.rules.Expires(first))
	for _, a := range p.archives {
		if kept := milliTime(first.Milli() + a.Horizon.Milliseconds()); kept.After(t) {
			t = kept
		}
	}
	return &t
}
