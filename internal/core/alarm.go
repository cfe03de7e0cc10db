package core

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// watchEvery is how often the core looks for what is wrong besides the volumes.
const watchEvery = time.Minute

// alarm takes alarms that changed: each is a metric and one line in the log.
func (c *Core) alarm(changed []volume.Alarm) {
	for _, a := range changed {
		c.alarms.Add(a, c.now.UnixNano())
		level := Warn
		switch {
		case !a.Active:
			level = Info
		case a.Severity == volume.Critical:
			level = Error
		}
		c.note(level, "alarm %s: %s", a.Kind, a.Message)
	}
}

// watch looks for what is wrong besides the volumes.
func (c *Core) watch() {
	c.backlog.Look(c.now)
	if !c.volumes.Judges() || c.stopping || c.now.Before(c.watchAt) {
		return
	}
	c.watchAt = c.now.Add(watchEvery)
	at := timeline.MinuteOf(c.wall / 1e6)
	if c.clock.Set() {
		at = timeline.MinuteOf(c.clock.At(c.now))
	}
	for _, p := range c.partitions {
		c.alarm(c.volumes.Outside(at, report.DarkConnections(p.id, len(p.conns), p.quiet(c.now, c.begun))))
	}
	us, delivery := c.backlog.Alarms(c.now, c.heldUp())
	c.alarm(c.volumes.Outside(at, us))
	c.alarm(c.volumes.Outside(at, delivery))
	c.alarm(c.volumes.Outside(at, report.ThinMinutes(c.fills.Thin(c.wall))))
	c.alarm(c.volumes.Outside(at, report.StateFails(c.durable.failing)))
}

// quiet are the connections that are not sound, and since when, the begin of this process at the earliest.
func (p *partition) quiet(now, begun time.Time) (all []report.Quiet) {
	for _, n := range p.conns {
		if !n.sound {
			all = append(all, report.Quiet{Index: n.Index, For: now.Sub(later(n.fedAt, begun)), LastClass: n.counters.LastClass()})
		}
	}
	return all
}

// heldUp reports whether those behind the sink hold up what waits to be written out.
func (c *Core) heldUp() bool { return c.accepted.pause || c.backlog.Held() }

// learn takes over what earlier processes remember of whole minutes: for long, and in the rows.
func (c *Core) learn(past *ledger.Past) {
	c.volumes.Begin(past.Hours, timeline.MinuteOf(c.clock.At(c.now)))
	for i := range past.Minutes {
		m := &past.Minutes[i]
		if p := c.account(m.Partition); p.id == m.Partition && p != c.any && c.volumes.History.Unique(p.id, m.Minute) == ledger.Unknown {
			c.remembered(p, m.Minute, m.State)
		}
	}
	c.volumes.Learn()
}

// remembered puts a minute into the history, or takes it out, by its state, and reports whether it came in. What a
// request brought is of no partition, so that a minute it filled is not known in numbers; nor is one that is thin.
func (c *Core) remembered(p *partition, m timeline.Minute, state ledger.State) bool {
	n := int64(ledger.Unknown)
	if asked := c.any.book.Find(m); state == ledger.Whole || state == ledger.Recovered && (asked == nil || asked.Unique == 0) && c.fills.State(m) == ledger.FillFull {
		n = p.book.Find(m).Unique
	}
	return c.volumes.Remember(p.id, m, n)
}

// revised takes note of a minute that is told again: one that has become whole is history from now on.
func (c *Core) revised(p *partition, m timeline.Minute, state ledger.State) {
	if state != ledger.Open && c.remembered(p, m, state) {
		c.volumes.Revise(p.id, m, p.book.Find(m).Unique)
	}
}

// closing gathers what a partition's minute holds, as it closes.
func (c *Core) closing(p *partition, m timeline.Minute, r *ledger.Row) {
	if !c.volumes.Wants(m, timeline.MinuteOf(c.clock.At(c.now))) {
		return
	}
	part := volume.Part{Unique: r.Unique, Emitted: r.Emitted, Delivered: min(r.Delivered, r.Emitted), Tracked: c.cfg.Acknowledged}
	if c.cfg.Tweets == TweetsNone || c.heldUp() { // nothing is to be emitted, or it is not this plugin that keeps it
		part.Emitted = r.Unique
	}
	if !r.Past() { // else part of it came to another process
		part.Seconds, part.Histories = r.Seconds(), r.Histories
	}
	part.Back = p.lit()
	if part.Histories != nil && !p.outageAt(m) { // after an outage one connection is back before the other
		for _, n := range p.conns {
			part.Missed = append(part.Missed, r.Missed(n.Index))
		}
	}
	c.volumes.Closing(m, p.index, len(c.partitions), part)
}

// judgeVolumes has the minutes judged that all partitions have closed.
func (c *Core) judgeVolumes() {
	closed := c.volumes.Closed()
	if len(closed) == 0 {
		return
	}
	covers := c.covers()
	for _, m := range closed {
		if beganWithin(c.partitions, m) || c.backlog.Stuck(c.now) { // what is not there then was not read
			continue
		}
		covered := make([]int64, len(covers))
		for i := range covers {
			v := covers[i].volume(m)
			covered[i] = v.Covered
			if covers[i].book.Find(m) != nil {
				c.remembered(covers[i].partition, m, v.State)
			}
		}
		c.alarm(c.volumes.Judge(m, covered))
	}
	c.volumes.Judged()
}

// beganWithin reports whether a partition was first covered after the minute had begun.
func beganWithin(all []*partition, m timeline.Minute) bool {
	return slices.ContainsFunc(all, func(p *partition) bool { return m.Milli() < p.begin })
}
