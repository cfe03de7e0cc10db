package core

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// Kinds of alarms that the core finds itself, besides those of the judge.
const (
	kindConnection volume.Kind = "connection" // a connection has delivered nothing for long
	kindDelivery   volume.Kind = "delivery"   // who is behind the sink does not take Tweets
	kindState      volume.Kind = "state"      // what is done cannot be made durable
)

const (
	// watchEvery is how often the core looks for what is wrong besides the volumes.
	watchEvery = time.Minute
	// darkLong is how long a connection may deliver nothing before that is an alarm: longer than X's own restarts
	// and than every backoff but that of a refusal.
	darkLong = 10 * time.Minute
	// stuckLong is how long a Tweet may wait to be written out before the sink counts as standing still: then
	// connections are not read either, which is not their fault.
	stuckLong = 30 * time.Second
)

// alarms are what is wrong now.
type alarms struct {
	queue   []alarmChange // to be reported
	watchAt time.Time
	mark    uint64    // of Tweets that ever entered sent: the last one of those looked at, until it is written out
	markAt  time.Time // since when
	held    bool      // what waits to be written out waits for the outputs, as the delivery last said
}

type alarmChange struct {
	volume.Alarm
	at int64 // Unix ns
}

// alarm takes alarms that changed: each is a metric and one line in the log.
func (c *Core) alarm(changed []volume.Alarm) {
	for _, a := range changed {
		c.alarms.queue = append(c.alarms.queue, alarmChange{a, c.now.UnixNano()})
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

func partitionName(id int) string {
	if id == ledger.AnyPartition {
		return "all"
	}
	return strconv.Itoa(id)
}

// watch looks for what is wrong besides the volumes.
func (c *Core) watch() {
	c.lookAtSink()
	if c.judging.judge == nil || c.stopping || c.now.Before(c.alarms.watchAt) {
		return
	}
	c.alarms.watchAt = c.now.Add(watchEvery)
	at := timeline.MinuteOf(c.wall / 1e6)
	if c.clock.Set() {
		at = timeline.MinuteOf(c.clock.At(c.now))
	}
	for _, p := range c.partitions {
		c.alarm(c.judging.judge.Outside(at, c.darkConnections(p)))
	}
	us, delivery := c.unwritten()
	c.alarm(c.judging.judge.Outside(at, us))
	c.alarm(c.judging.judge.Outside(at, delivery))
	c.alarm(c.judging.judge.Outside(at, c.thinMinutes()))
	c.alarm(c.judging.judge.Outside(at, volume.Alarm{Kind: kindState, Connection: -1, Active: c.durable.failing, Severity: volume.Critical,
		Message: "the state cannot be written: nothing is asked of backfill, Replay or Recovery, and a restart repeats Tweets"}))
}

// darkConnections says which of a partition's connections have delivered nothing for long.
func (c *Core) darkConnections(p *partition) volume.Alarm {
	a := volume.Alarm{Kind: kindConnection, Partition: p.id, Connection: -1, Severity: volume.Warning}
	var names []string
	longest := time.Duration(0)
	for _, n := range p.conns {
		if n.sound {
			continue
		}
		dark := c.now.Sub(later(n.fedAt, c.begun))
		if dark < darkLong {
			continue
		}
		names = append(names, fmt.Sprintf("%d (%s)", n.Index, lastClass(n)))
		if dark > longest {
			a.Connection, longest = n.Index, dark
		}
	}
	if a.Active = len(names) > 0; !a.Active {
		a.Message = fmt.Sprintf("partition %d: all connections deliver", p.id)
		return a
	}
	if len(names) == len(p.conns) {
		a.Severity = volume.Critical
	}
	a.Message = fmt.Sprintf("partition %d: no Tweet for %v or more over %s %s; it has %d in all",
		p.id, darkLong, plural("connection", len(names)), strings.Join(names, ", "), len(p.conns))
	a.Evidence = []volume.Evidence{{Key: "connections_dark", Value: float64(len(names))}, {Key: "dark_seconds", Value: longest.Seconds()}}
	return a
}

func plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

func lastClass(n *conn) string {
	if n.counters.class == "" {
		return "no Tweet yet"
	}
	return n.counters.class
}

// lookAtSink notes since when Tweets wait to be written out.
func (c *Core) lookAtSink() {
	if k := &c.alarms; c.inFlight.Written() >= k.mark {
		k.mark, k.markAt = c.inFlight.Pushed(), c.now
	}
}

// unwritten says whether Tweets wait for long to be written out: because of this plugin or who reads its output, or
// because those behind the sink hold them up.
func (c *Core) unwritten() (us, delivery volume.Alarm) {
	us = volume.Alarm{Kind: volume.Us, Connection: -1, Severity: volume.Critical, Message: "all Tweets are written out"}
	delivery = us
	delivery.Kind = kindDelivery
	if !c.stuck() {
		return us, delivery
	}
	a, why := &us, "who reads the output stands still, or this plugin does"
	if c.heldUp() {
		a, why = &delivery, "the outputs do not take them"
	}
	a.Active = true
	a.Message = fmt.Sprintf("%d Tweets are not written out, the first of them for %v: %s", c.waiting(), c.now.Sub(c.alarms.markAt).Round(time.Second), why)
	a.Evidence = []volume.Evidence{{Key: "unwritten", Value: float64(c.waiting())}}
	return us, delivery
}

// waiting is how many Tweets are not written out.
func (c *Core) waiting() int64 { return int64(c.inFlight.Pushed() - c.inFlight.Written()) }

// stuck reports whether the sink stands still.
func (c *Core) stuck() bool {
	return c.inFlight.Written() < c.alarms.mark && c.now.Sub(c.alarms.markAt) >= stuckLong
}

// heldUp reports whether those behind the sink hold up what waits.
func (c *Core) heldUp() bool { return c.accepted.pause || c.alarms.held }

// delivers notes how the delivery stands. Where the outputs acknowledge, any Tweet they were given and did not take
// holds up those behind it; else all that waits must be with them.
func (c *Core) delivers(road Road) {
	given := road.Undelivered - road.Spooled
	c.alarms.held = c.waiting() > 0 && (given >= c.waiting() || c.cfg.Acknowledged && given > 0)
}

// reportAlarms reports what changed and, at a poll, what lasts.
func (c *Core) reportAlarms(poll bool) {
	for i := range c.alarms.queue {
		c.alarmPoint(&c.alarms.queue[i].Alarm, c.alarms.queue[i].at)
	}
	c.alarms.queue = c.alarms.queue[:0]
	if !poll || c.judging.judge == nil {
		return
	}
	for _, a := range c.judging.judge.Active() {
		c.alarmPoint(&a, c.now.UnixNano())
	}
}

func (c *Core) alarmPoint(a *volume.Alarm, at int64) {
	pt := c.point("decahose_alarm", at, point.Tag{Key: "kind", Value: string(a.Kind)}, point.Tag{Key: "partition", Value: partitionName(a.Partition)})
	pt.Fields = []point.Field{
		{Key: "active", Value: a.Active},
		{Key: "severity", Value: string(a.Severity)},
		{Key: "message", Value: a.Message},
		{Key: "since", Value: a.Since.Nano()},
	}
	if a.Connection >= 0 {
		pt.Fields = append(pt.Fields, point.Field{Key: "connection", Value: int64(a.Connection)})
	}
	for _, e := range a.Evidence {
		pt.Fields = append(pt.Fields, point.Field{Key: e.Key, Value: e.Value})
	}
}
