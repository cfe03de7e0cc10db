package core

import (
	"maps"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

const (
	// judgedMost is for how many minutes what was said of them is kept, for their revisions: a day's.
	judgedMost = 24 * 60
	// judgedOld is how old a minute may be when it closes and still be judged: odd ids open minutes of long ago too.
	judgedOld = 60
	// toldLate is how many minutes the stream's time may go back after a start though the guess was right: the first Tweets
	// come by backfill, which begins within a minute. What nobody heard then is a gap and no fall.
	toldLate = timeline.Minute(xapi.MaxBackfill/time.Minute) + 1
)

// judging is what is known of volumes, and who judges them.
type judging struct {
	judge    *volume.Judge // nil: there are no live connections
	history  *ledger.History
	last     timeline.Minute                    // the last minute that was judged
	closed   map[timeline.Minute][]volume.Part  // minutes that closed just now, by index of partition
	verdicts map[timeline.Minute]volume.Verdict // what was said as they closed
}

func (c *Core) newJudging(connections int) {
	g := &c.judging
	g.history = ledger.NewHistory()
	g.closed, g.verdicts = make(map[timeline.Minute][]volume.Part), make(map[timeline.Minute]volume.Verdict)
	if connections > 0 {
		g.judge = volume.New(volume.Config{Partitions: c.cfg.Partitions, Connections: connections, FalseAlarms: falseAlarms(c.cfg)})
	}
}

// falseAlarms is what the judge takes for none: there 0 is the default.
func falseAlarms(cfg Config) float64 {
	if cfg.FalseAlarms == 0 {
		return -1
	}
	return cfg.FalseAlarms
}

// learn takes over what earlier processes remember of whole minutes: for long, and in the rows.
func (c *Core) learn(past *ledger.Past) {
	g := &c.judging
	g.last = timeline.MinuteOf(c.clock.At(c.now)) // when nobody listened nothing is to be judged
	g.history.Restore(past.Hours)
	for i := range past.Minutes {
		m := &past.Minutes[i]
		if p := c.account(m.Partition); p.id == m.Partition && p != c.any && g.history.Unique(p.id, m.Minute) == ledger.Unknown {
			c.remembered(p, m.Minute, m.State)
		}
	}
	if g.judge != nil {
		g.history.Each(g.judge.Learn)
	}
}

// remembered puts a minute into the history, or takes it out, by its state, and reports whether it came in. What a
// request brought is of no partition, so that a minute it filled is not known in numbers; nor is one that is thin.
func (c *Core) remembered(p *partition, m timeline.Minute, state ledger.State) bool {
	n := int64(ledger.Unknown)
	if asked := c.any.book.Find(m); state == ledger.Whole || state == ledger.Recovered && (asked == nil || asked.Unique == 0) && c.marked(m) == ledger.FillFull {
		n = p.book.Find(m).Unique
	}
	was := c.judging.history.Unique(p.id, m)
	c.judging.history.Set(p.id, m, n)
	return was == ledger.Unknown && n != ledger.Unknown
}

// revised takes note of a minute that is told again: one that has become whole is history from now on.
func (c *Core) revised(p *partition, m timeline.Minute, state ledger.State) {
	if g := &c.judging; state != ledger.Open && c.remembered(p, m, state) && g.judge != nil {
		g.judge.Revise(m, p.id, p.book.Find(m).Unique)
	}
}

// closing gathers what a partition's minute holds, as it closes: what is decided then is gone after it.
func (c *Core) closing(p *partition, m timeline.Minute, r *ledger.Row) {
	now := timeline.MinuteOf(c.clock.At(c.now))
	if now < c.judging.last-toldLate { // a guess of the time was ahead
		c.judging.last = now
	}
	if c.judging.judge == nil || m <= c.judging.last || m < now-judgedOld {
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
	if c.judging.closed[m] == nil {
		c.judging.closed[m] = make([]volume.Part, len(c.partitions))
	}
	c.judging.closed[m][p.index] = part
}

// judgeVolumes has the minutes judged that all partitions have closed.
func (c *Core) judgeVolumes() {
	g := &c.judging
	if len(g.closed) == 0 {
		return
	}
	covers := c.covers()
	for _, m := range slices.Sorted(maps.Keys(g.closed)) {
		if c.beforeBegin(m) || c.stuck() { // what is not there then was not read
			continue
		}
		parts := g.closed[m]
		for i := range covers {
			v := covers[i].volume(m)
			parts[i].Covered = v.Covered
			if covers[i].book.Find(m) != nil {
				c.remembered(covers[i].partition, m, v.State)
			}
		}
		verdict := g.judge.Close(volume.Minute{Minute: m, Parts: parts})
		g.verdicts[m], g.last = verdict, m
		c.alarm(verdict.Alarms)
	}
	clear(g.closed)
}

// beforeBegin reports whether a partition was first covered after the minute had begun.
func (c *Core) beforeBegin(m timeline.Minute) bool {
	return slices.ContainsFunc(c.partitions, func(p *partition) bool { return m.Milli() < p.begin })
}

// forgetVerdicts drops what was said of minutes long ago, and the history of weeks.
func (c *Core) forgetVerdicts() {
	g := &c.judging
	maps.DeleteFunc(g.verdicts, func(m timeline.Minute, _ volume.Verdict) bool { return m < g.last-judgedMost })
	if !c.clock.Guessed() { // a wrong clock of this host must not throw anything away
		g.history.Forget(timeline.MinuteOf(c.clock.Sure(c.now)) - ledger.HistoryMinutes)
	}
}

// grade is what was said of a minute of the partition of that index as it closed; of all together with that of any.
func (c *Core) grade(index int, m timeline.Minute) *volume.Grade {
	verdict, ok := c.judging.verdicts[m]
	switch {
	case !ok:
		return nil
	case index == c.any.index:
		return &verdict.All
	}
	return &verdict.Parts[index]
}

// gradeFields are what is known of a grade.
func gradeFields(pt *point.Point, g *volume.Grade) {
	if g == nil {
		return
	}
	if g.Expected > 0 {
		pt.Fields = append(pt.Fields, point.Field{Key: "expected", Value: int64(g.Expected + 0.5)})
	}
	if g.Level == volume.Normal || g.Level == volume.Low || g.Level == volume.High {
		pt.Fields = append(pt.Fields, point.Field{Key: "score", Value: g.Score})
	}
	if g.Level != "" {
		pt.Fields = append(pt.Fields, point.Field{Key: "level", Value: string(g.Level)})
	}
	if g.Missed.Known {
		pt.Fields = append(pt.Fields, point.Field{Key: "missed_estimate", Value: int64(g.Missed.Missed + 0.5)},
			point.Field{Key: "missed_error", Value: g.Missed.Error})
	}
	if g.EmptySeconds >= 0 {
		pt.Fields = append(pt.Fields, point.Field{Key: "empty_seconds", Value: g.EmptySeconds})
	}
}
