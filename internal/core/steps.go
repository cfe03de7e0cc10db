package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/gap"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// stepsMost bounds of how many gaps of a partition, the oldest, the next step is told.
const stepsMost = 1000

// step is what is done next about a gap, in words for the operator, and when; a zero time is not known.
type step struct {
	text string
	at   time.Time
}

// outlook is what decides on requests now, for all gaps together, since they wait for each other.
type outlook struct {
	missing []refill.Missing
	first   refill.Request // the next request, with chosen only
	chosen  bool
}

// recordSteps adds what is done next about the gaps, if that is something else than was stored last.
func (c *Core) recordSteps(k *ledger.Commit) {
	if steps := c.steps(); c.durable.steps == nil || !slices.Equal(steps, c.durable.steps) {
		k.Steps, c.durable.steps = steps, steps
	}
}

// steps are what is done next about each gap that is missing; never nil.
func (c *Core) steps() []ledger.StepRecord {
	all := []ledger.StepRecord{}
	if !c.clock.Set() {
		return all
	}
	var o outlook
	o.missing, _ = c.missing()
	o.first, o.chosen = c.cfg.Recovery.Next(c.clock.At(c.now), o.missing, c.running())
	for _, p := range c.partitions {
		gaps := c.gaps.Of(p.index)
		for _, h := range gaps[:min(len(gaps), stepsMost)] {
			s := c.stepOf(p, h, &o)
			r := ledger.StepRecord{Partition: p.id, First: timeline.MinuteOf(h.Span.From), Text: s.text}
			if !s.at.IsZero() {
				r.At = c.wallAt(s.at).UnixNano()
			}
			all = append(all, r)
		}
	}
	return all
}

func (c *Core) stepOf(p *partition, h *gap.Gap, o *outlook) step {
	if h.Dark && len(p.conns) > 0 {
		return c.reconnectStep(p, h)
	}
	return c.fillStep(p, h, o)
}

// reconnectStep is the next step of a dark gap: the next attempt, and what it will ask for.
func (c *Core) reconnectStep(p *partition, h *gap.Gap) step {
	n := c.attempts.nextOf(p)
	s := step{at: c.attempts.nextTry(n)}
	minutes, try := c.backfillMinutes(p, s.at), "next try "+c.clockText(s.at)
	if n.state != waiting {
		minutes, try = n.backfill, map[state]string{dialing: "being tried", live: "connected, no Tweet yet", closing: "being closed"}[n.state]
	}
	var then []string
	if minutes > 0 {
		then = append(then, fmt.Sprintf("backfill %d min", minutes))
	}
	reach := c.clock.At(s.at) - int64(minutes)*timeline.MinuteMilli
	switch older := h.Span.From < reach; {
	case older && c.cfg.Recovery.Method != refill.None:
		then = append(then, methodName(c.cfg.Recovery.Method))
	case older && len(c.cfg.Archives) > 0:
		then = append(then, "archive")
	case older:
		then = append(then, `none for the rest: recovery = "none"`)
	}
	s.text = fmt.Sprintf("reconnect (%s, %s)", try, c.lastEnd(p))
	if len(then) > 0 {
		s.text += ", then " + strings.Join(then, " and ")
	}
	if k, _ := c.countIn(h, c.asks(p)); k > 0 {
		s.text += fmt.Sprintf("; being asked (%s, %d min)", c.cfg.Recovery.Method, k)
	}
	return s
}

// lastEnd is why the partition's connections ended, the last of them.
func (c *Core) lastEnd(p *partition) string {
	last := p.conns[0]
	for _, n := range p.conns[1:] {
		if n.dialedAt.After(last.dialedAt) && n.counters.Class != "" || last.counters.Class == "" {
			last = n
		}
	}
	return last.counters.LastClass()
}

// fillStep is the next step of a gap whose end is known: what is under way, and then what is done about the rest.
func (c *Core) fillStep(p *partition, h *gap.Gap, o *outlook) step {
	first, end := c.gaps.Whole(h).Minutes()
	total, left, begun := int64(end-first), timeline.Set{}, []string(nil)
	left.Add(timeline.Span{From: first.Milli(), To: end.Milli()})
	promised := false
	for _, way := range []struct {
		doing, name string
		brings      func(timeline.Minute) bool
	}{
		{"being read", "archive", c.reads(p)},
		{"being asked", c.cfg.Recovery.Method.String(), c.asks(p)},
		{"settling", "it came", c.claimed(p)},
		{"being asked", "backfill", func(m timeline.Minute) bool { return h.Promises(m) }},
	} {
		k, minutes := c.countIn(h, way.brings)
		promised = promised || k > 0 && way.name == backfill
		for _, s := range minutes.Spans() {
			left.Remove(s)
		}
		switch {
		case k == total:
			begun = append(begun, fmt.Sprintf("%s (%s)", way.doing, way.name))
		case k > 0:
			begun = append(begun, fmt.Sprintf("%s (%s, %d of %d min)", way.doing, way.name, k, total))
		}
	}
	var s step
	if rest := left.Spans(); len(rest) > 0 {
		if s = c.restStep(p, h, timeline.MinuteOf(rest[0].From), o); promised { // and what that does not bring
			s = step{text: methodName(c.cfg.Recovery.Method)}
		}
		begun = append(begun, s.text)
	}
	s.text = strings.Join(begun, ", then ")
	return s
}

// countIn is how many minutes of the hole something brings, and which.
func (c *Core) countIn(h *gap.Gap, brings func(timeline.Minute) bool) (n int64, minutes timeline.Set) {
	first, end := c.gaps.Whole(h).Minutes()
	for m := first; m < end; m++ {
		if brings(m) {
			minutes.Add(m.Span())
			n++
		}
	}
	return n, minutes
}

func (c *Core) asks(p *partition) func(timeline.Minute) bool { return within(p, c.running()) }

func (c *Core) reads(p *partition) func(timeline.Minute) bool {
	return within(p, queries(c.archives.conns))
}

func within(p *partition, all []refill.Request) func(timeline.Minute) bool {
	return func(m timeline.Minute) bool {
		return slices.ContainsFunc(all, func(q refill.Request) bool { return concerns(q, p.id) && q.From <= m && m < q.To })
	}
}

// claimed tells of minutes that a request brought, whose Tweets are not settled.
func (c *Core) claimed(p *partition) func(timeline.Minute) bool {
	return func(m timeline.Minute) bool {
		return slices.ContainsFunc(c.requests.claims, func(k claim) bool {
			return concerns(k.query, p.id) && !k.span.Intersect(m.Span()).Empty()
		})
	}
}

// restStep is what is done about a minute that nobody is asked for now.
func (c *Core) restStep(p *partition, h *gap.Gap, m timeline.Minute, o *outlook) step {
	way, k := c.way(h, m)
	switch {
	case way == refill.Ask:
		return c.askStep(p, h, m, o)
	case way == refill.Lost:
		return step{text: "none: expired, will be lost"}
	case way == refill.FromArchive && c.now.Before(c.archives.each[k].until):
		return c.timed("archive again", c.archives.each[k].until)
	case way == refill.FromArchive:
		return step{"archive now", c.now}
	case len(c.cfg.Archives) == 0:
		return step{text: `none: recovery = "none"`}
	}
	if due := c.cfg.Archives[0].Ripe(m); due > c.clock.At(c.now) {
		return c.dated("archive", due)
	}
	return step{text: "archive again later"}
}

// askStep is when Replay or Recovery is asked for a minute.
func (c *Core) askStep(p *partition, h *gap.Gap, m timeline.Minute, o *outlook) step {
	q, name := &c.requests, methodName(c.cfg.Recovery.Method)
	free := c.now
	if q.budget.Left(c.now) == 0 {
		free = q.budget.Free(c.now)
	}
	switch at := later(q.at, free); {
	case c.clock.Guessed():
		return step{text: name + " after the first Tweet"}
	case c.behind:
		return step{text: name + " when the outputs keep up"}
	case q.failures > 0 && q.at.After(c.now) && q.status != 0 && q.status != 200:
		return c.timed(fmt.Sprintf("%s refused (%d), again", name, q.status), at)
	case q.failures > 0 && q.at.After(c.now):
		return c.timed(fmt.Sprintf("%s failed (%s), again", name, q.class), at)
	case c.now.Before(q.postponed[m].until):
		return c.timed(name+" did not bring it, again", later(at, q.postponed[m].until))
	case len(c.running()) >= c.cfg.Recovery.Jobs:
		return step{text: name + " after the running one"}
	case o.chosen && concerns(o.first, p.id) && o.first.From <= m && m < o.first.To && free.After(c.now):
		return c.timed(name+" (recovery_limit is used up) at", free)
	case o.chosen && concerns(o.first, p.id) && o.first.From <= m && m < o.first.To:
		return step{name + " now", c.now}
	}
	alone := refill.Missing{Partition: p.id}
	c.sort(h, &alone, make([]timeline.Set, len(c.cfg.Archives)))
	alone.Undecided = timeline.Set{}
	now := c.clock.At(c.now)
	switch due := c.cfg.Recovery.Due(now, []refill.Missing{alone}, nil); {
	case due == 0:
		return step{text: "none: expired, will be lost"}
	case due > now:
		return c.dated(name, due)
	case o.chosen:
		return step{text: name + " after older gaps"}
	}
	return step{text: name + " with the minutes that follow"}
}

// timed is a step at a time of ours.
func (c *Core) timed(text string, at time.Time) step { return step{text + " " + c.clockText(at), at} }

// dated is a step at a time of the stream's, in Unix ms: the whole minute by which it is due.
func (c *Core) dated(text string, ms int64) step {
	at := time.UnixMilli(timeline.CeilMinute(ms).Milli()).UTC()
	layout := "15:04Z"
	if at.UnixMilli()-c.clock.At(c.now) >= (24 * time.Hour).Milliseconds() {
		layout = "2006-01-02T15:04Z"
	}
	return step{text + " at " + at.Format(layout), c.now.Add(time.Duration(ms-c.clock.At(c.now)) * time.Millisecond)}
}

// wallAt is a time of ours on this host's clock.
func (c *Core) wallAt(at time.Time) time.Time { return time.Unix(0, c.wall).Add(at.Sub(c.now)).UTC() }

func (c *Core) clockText(at time.Time) string { return c.wallAt(at).Format("15:04:05") }

func methodName(m refill.Method) string {
	return map[refill.Method]string{refill.Replay: "Replay", refill.Recovery: "Recovery"}[m]
}
