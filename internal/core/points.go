package core

import (
	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// report fills Ready.Points with what the event makes due.
func (c *Core) report(ev Event) {
	if ev.Full {
		return // counters only grow and rows stay dirty: nothing is forgotten
	}
	for _, g := range c.gaps.TakeChanged() {
		c.put((&report.Gap{Gap: &g, Present: c.clock.At(c.now), Thin: c.fills.ThinIn(&g)}).Point(c.cfg.StreamLabel))
	}
	if ev.Kind == Poll || ev.Kind == Final {
		c.backlog.Delivers(ev.Road, c.cfg.Acknowledged)
	}
	c.put(c.alarms.Points(c.cfg.StreamLabel, c.lasting(ev.Kind), c.now.UnixNano())...)
	if ev.Kind == Poll || ev.Kind == Final {
		c.reportAll(ev.Road)
	}
	if ev.Kind == Final || ev.Kind != Received && !c.now.Before(c.tellAt) {
		c.tell(ev.Kind == Final)
		c.tellAt = c.now.Add(c.cfg.Interval)
	}
}

// connected reports whether the connection is up and no silence was reported of it.
func (n *conn) connected() bool { return n.state == live && (n.sound || !n.fed) }

// lasting are the alarms that a poll tells again.
func (c *Core) lasting(kind Kind) []volume.Alarm {
	if kind != Poll && kind != Final {
		return nil
	}
	return c.volumes.Active()
}

// reportAll tells the counters of connections, of the stream and of requests under way. Requests that run at once differ
// by nanoseconds: their tags and time would be the same.
func (c *Core) reportAll(road report.Road) {
	label, at := c.cfg.StreamLabel, c.now.UnixNano()
	for _, n := range c.conns {
		s := report.Connection{Partition: n.Partition, Index: n.Index, Connected: n.state == live, Counters: &n.counters}
		if s.Connected {
			s.ConnectedMilli = c.now.Sub(n.openedAt).Milliseconds()
		}
		c.put(s.Point(label, at))
	}
	s := c.snapshot(road)
	c.put(s.Point(label, at))
	for i := range c.Requests() {
		if n := c.requestConn(i); n.state == live {
			c.put(n.job.snapshot(c.wall).Point(label, at+int64(i)))
		}
	}
}

// put has the points told.
func (c *Core) put(points ...point.Point) { c.out.Points = append(c.out.Points, points...) }

// snapshot is the stream as it is now.
func (c *Core) snapshot(road report.Road) report.Stream {
	s := report.Stream{ConnectionsWanted: int64(len(c.conns)), PartitionsWanted: int64(len(c.partitions)),
		Present: c.clock.At(c.now), Horizon: c.cfg.Recovery.Horizon,
		Emitted: c.emitted, StateBytes: c.durable.bytes, StateFails: c.durable.failing,
		ConnectBudget: int64(c.attempts.budget.Left(c.now)), Collisions: c.collisions, Version: c.cfg.Version,
		MinutesThin: c.fills.Count(ledger.FillThin), MinutesUnproven: c.fills.Count(ledger.FillUnproven),
		Archives: len(c.cfg.Archives) > 0, ArchiveErrors: c.archives.errors(),
		Feedback: c.cfg.Feedback, Dropped: c.accepted.dropped, Wall: c.wall, Road: road}
	s.MinutesRecovered, s.MinutesLost = c.gaps.Settled()
	size := c.seen.Size()
	s.IDs = int64(size.IDs + size.Odd)
	for _, p := range c.partitions {
		up := int64(0)
		for _, n := range p.conns {
			if n.connected() {
				up++
			}
		}
		s.ConnectionsLive += up
		s.PartitionsLive += min(up, 1)
		missing := c.gaps.Missing(p.index)
		s.GapsOpen += int64(len(c.gaps.Of(p.index)))
		s.MinutesMissing += minutesOfAll(&missing)
		for _, h := range c.gaps.Of(p.index) {
			if s.FirstMissing == 0 || h.Span.From < s.FirstMissing {
				s.FirstMissing = h.Span.From
			}
		}
	}
	return s
}

// snapshot is a request as it is now.
func (j *job) snapshot(wall int64) *report.Request {
	at := j.progress()
	return &report.Request{Method: j.method.String(), From: j.query.From, To: j.query.To, At: at.At(), Done: at.MinutesDone(),
		Tweets: at.Tweets(), New: at.New(), RunningMilli: (wall - j.record.At) / 1e6}
}

// minutesOfAll is how many minutes a set of whole ones holds.
func minutesOfAll(s *timeline.Set) (n int64) {
	for _, span := range s.Spans() {
		n += span.Len() / timeline.MinuteMilli
	}
	return n
}
