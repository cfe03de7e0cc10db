package core

import (
	"slices"
	"strconv"

	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// report fills Ready.Points with what the event makes due.
func (c *Core) report(ev Event) {
	if ev.Full {
		return // counters only grow and rows stay dirty: nothing is forgotten
	}
	for i := range c.changed {
		g := &c.changed[i]
		if !slices.ContainsFunc(c.changed[i+1:], g.Same) { // else it changed again at once
			c.gapPoint(g)
		}
	}
	c.changed = c.changed[:0]
	if ev.Kind == Poll || ev.Kind == Final {
		c.delivers(ev.Road)
	}
	c.reportAlarms(ev.Kind == Poll || ev.Kind == Final)
	if ev.Kind == Poll || ev.Kind == Final {
		for _, n := range c.conns {
			c.connectionPoint(n)
		}
		c.streamPoint(ev.Road)
		for i := range c.Requests() {
			if n := c.requestConn(i); n.state == live {
				c.recoveryPoint(int64(i), n.job)
			}
		}
	}
	if ev.Kind == Final || ev.Kind != Received && !c.now.Before(c.tellAt) {
		c.tell(ev.Kind == Final)
		c.tellAt = c.now.Add(c.cfg.Interval)
	}
}

func (c *Core) point(name string, at int64, tags ...point.Tag) *point.Point {
	c.out.Points = append(c.out.Points, point.Point{Name: name, Time: at,
		Tags: append([]point.Tag{{Key: "stream_label", Value: c.cfg.StreamLabel}}, tags...)})
	return &c.out.Points[len(c.out.Points)-1]
}

func (c *Core) connectionPoint(n *conn) {
	k := &n.counters
	connected := int64(0)
	if n.state == live {
		connected = c.now.Sub(n.openedAt).Milliseconds()
	}
	c.point("decahose_connection", c.now.UnixNano(),
		point.Tag{Key: "partition", Value: strconv.Itoa(n.Partition)},
		point.Tag{Key: "connection", Value: strconv.Itoa(n.Index)},
	).Fields = []point.Field{
		{Key: "connected", Value: n.state == live},
		{Key: "records", Value: k.tweets + k.malformed + k.notices},
		{Key: "tweets", Value: k.tweets},
		{Key: "duplicates", Value: k.copies.Sum()},
		{Key: "duplicates_redundant", Value: k.copies[ledger.Redundant]},
		{Key: "duplicates_backfill", Value: k.copies[ledger.Backfill]},
		{Key: "first", Value: k.first},
		{Key: "missed", Value: k.missed},
		{Key: "malformed", Value: k.malformed},
		{Key: "notices", Value: k.notices},
		{Key: "heartbeats", Value: k.heartbeats},
		{Key: "bytes", Value: k.bytes},
		{Key: "wire_bytes", Value: k.wireBytes},
		{Key: "connects", Value: k.connects},
		{Key: "disconnects", Value: k.disconnects},
		{Key: "backfill_requests", Value: k.backfills},
		{Key: "http_status", Value: int64(k.status)},
		{Key: "last_error", Value: k.class},
		{Key: "lag_ms", Value: k.lagMilli},
		{Key: "connected_ms", Value: connected},
	}
}

func (c *Core) streamPoint(road Road) {
	live, lit, gaps := int64(0), int64(0), int64(0)
	missing, first := int64(0), int64(0)
	for _, p := range c.partitions {
		up := int64(0)
		for _, n := range p.conns {
			if n.connected() {
				up++
			}
		}
		live += up
		lit += min(up, 1)
		gaps += int64(len(p.holes))
		missing += p.missing(c.clock.At(c.now))
		for _, h := range p.holes {
			if first == 0 || h.Span.From < first {
				first = h.Span.From
			}
		}
	}
	pt := c.point("decahose_stream", c.now.UnixNano())
	pt.Fields = []point.Field{
		{Key: "connections_live", Value: live},
		{Key: "connections_wanted", Value: int64(len(c.conns))},
		{Key: "partitions_live", Value: lit},
		{Key: "partitions_wanted", Value: int64(len(c.partitions))},
		{Key: "gaps_open", Value: gaps},
		{Key: "minutes_missing", Value: missing},
		{Key: "minutes_recovered", Value: c.minutesRecovered},
		{Key: "minutes_lost", Value: c.minutesLost},
	}
	if first != 0 { // absent where nothing is missing: 0 would read as an alarm
		left := timeline.MinuteOf(first).Milli() + c.cfg.Recovery.Horizon.Milliseconds() - c.clock.At(c.now)
		pt.Fields = append(pt.Fields, point.Field{Key: "next_expiry_ms", Value: max(0, left)})
	}
	pt.Fields = append(pt.Fields,
		point.Field{Key: "emitted", Value: c.emitted},
		point.Field{Key: "dedup_ids", Value: int64(c.ids.Len() + c.odd.Len())},
		point.Field{Key: "state_bytes", Value: c.durable.bytes},
		point.Field{Key: "state_ok", Value: !c.durable.failing},
		point.Field{Key: "connect_budget", Value: int64(c.budget.Left(c.now))},
		point.Field{Key: "time_collisions", Value: c.collisions})
	if c.cfg.Version != "" {
		pt.Fields = append(pt.Fields, point.Field{Key: "version", Value: c.cfg.Version})
	}
	c.fillFields(pt)
	c.archiveFields(pt)
	c.roadFields(pt, road)
}

// roadFields say how the delivery stands.
func (c *Core) roadFields(pt *point.Point, road Road) {
	if road.State == "" {
		return
	}
	waited := int64(0)
	if !road.Oldest.IsZero() {
		waited = max(0, c.wall-road.Oldest.UnixNano()) / 1e6
	}
	pt.Fields = append(pt.Fields,
		point.Field{Key: "undelivered", Value: road.Undelivered},
		point.Field{Key: "oldest_undelivered_ms", Value: waited},
		point.Field{Key: "spooled", Value: road.Spooled},
		point.Field{Key: "spool_bytes", Value: road.SpoolBytes},
		point.Field{Key: "refused", Value: road.Refused},
		point.Field{Key: "retries", Value: road.Retries},
		point.Field{Key: "delivery_state", Value: road.State})
	if c.cfg.Feedback {
		pt.Fields = append(pt.Fields, point.Field{Key: "dropped", Value: c.accepted.dropped})
	}
}

// connected reports whether the connection is up and no silence was reported of it.
func (n *conn) connected() bool { return n.state == live && (n.sound || !n.fed) }

// missing is how many minutes the partition's gaps hold, now being the stream's time.
func (p *partition) missing(now int64) int64 {
	var minutes timeline.Set
	for _, h := range p.holes {
		s := h.Span
		if h.Dark {
			s.To = max(s.To, now)
		}
		first, end := s.Minutes()
		minutes.Add(timeline.Span{From: first.Milli(), To: end.Milli()})
	}
	var sum int64
	for _, s := range minutes.Spans() {
		sum += s.Len() / timeline.MinuteMilli
	}
	return sum
}

func (c *Core) gapPoint(g *ledger.Gap) {
	first, end := g.Minutes()
	if g.Dark {
		end = max(end, timeline.CeilMinute(c.clock.At(c.now)))
	}
	pt := c.point("decahose_gap", first.Nano(), point.Tag{Key: "partition", Value: strconv.Itoa(g.Partition)})
	pt.Fields = []point.Field{
		{Key: "end", Value: end.Nano()},
		{Key: "minutes", Value: int64(end - first)},
		{Key: "state", Value: g.State.String()},
		{Key: "cause", Value: g.Cause},
		{Key: "filled_by", Value: g.FilledBy},
		{Key: "tweets", Value: g.Tweets},
	}
	if n := c.thinIn(g); n > 0 {
		pt.Fields = append(pt.Fields, point.Field{Key: "minutes_thin", Value: n})
	}
}

// recoveryPoint reports a request under way. Requests that run at once differ by nanoseconds: their tags and
// time would be the same.
func (c *Core) recoveryPoint(offset int64, j *job) {
	total, at := int64(j.query.To-j.query.From), j.progress()
	done := at.MinutesDone()
	eta := int64(0)
	if done > 0 {
		eta = (c.wall - j.record.At) / 1e6 / done * (total - done)
	}
	c.point("decahose_recovery", c.now.UnixNano()+offset, point.Tag{Key: "method", Value: j.method.String()}).Fields = []point.Field{
		{Key: "from", Value: j.query.From.Nano()},
		{Key: "to", Value: j.query.To.Nano()},
		{Key: "at", Value: at.At().Nano()},
		{Key: "minutes_total", Value: total},
		{Key: "minutes_done", Value: done},
		{Key: "percent", Value: 100 * done / total},
		{Key: "tweets", Value: at.Tweets()},
		{Key: "new", Value: at.New()},
		{Key: "eta_ms", Value: eta},
	}
}
