package core

import (
	"slices"
	"strconv"
	"time"

	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/point"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// report fills Ready.Points with what the event makes due.
func (c *Core) report(ev Event) {
	if ev.Full {
		return // counters only grow and rows stay dirty: nothing is forgotten
	}
	for i := range c.changed {
		c.gapPoint(&c.changed[i])
	}
	c.changed = c.changed[:0]
	if ev.Kind == Poll || ev.Kind == Final {
		for _, n := range c.conns {
			c.connectionPoint(n)
		}
		c.streamPoint()
	}
	if ev.Kind == Final || ev.Kind != Received && !c.now.Before(c.tellAt) {
		c.tell(ev.Kind == Final)
		c.tellAt = c.now.Add(c.cfg.Interval)
	}
}

// tell reports the closed minutes that changed, each at most once per interval; at the end, all.
func (c *Core) tell(final bool) {
	told := make(map[timeline.Minute]bool)
	for _, p := range c.partitions {
		for _, m := range p.book.Minutes() {
			r := p.book.Find(m)
			early := r.ToldAt() != 0 && c.now.UnixNano()-r.ToldAt() < int64(c.cfg.Interval)
			if !r.Dirty() || !final && (!r.Closed() || early) {
				continue
			}
			r.Told(c.now.UnixNano())
			told[m] = true
			c.volumePoint(strconv.Itoa(p.id), m, p.volume(m))
		}
	}
	for _, m := range slices.Sorted(mapKeys(told)) {
		if v, ok := c.sum(m); ok || final {
			c.volumePoint("all", m, v)
		}
	}
}

func mapKeys(set map[timeline.Minute]bool) func(func(timeline.Minute) bool) {
	return func(yield func(timeline.Minute) bool) {
		for m := range set {
			if !yield(m) {
				return
			}
		}
	}
}

// volume is what decahose_volume says of one minute.
type volume struct {
	ledger.Row
	connections, covered int64
	state                ledger.State
}

// volume of one partition's minute.
func (p *partition) volume(m timeline.Minute) volume {
	v := volume{Row: *p.book.Row(m), covered: p.coverage().Covered(m.Span())}
	for _, n := range p.conns {
		s := timeline.Set{}
		s.AddSet(&n.coverage)
		s.Add(n.span())
		if s.Covered(m.Span()) == timeline.MinuteMilli {
			v.connections++
		}
	}
	v.state = p.book.StateOf(m, v.covered == timeline.MinuteMilli)
	return v
}

// sum adds up the partitions; ok is false while one of them has not closed the minute.
func (c *Core) sum(m timeline.Minute) (all volume, ok bool) {
	all.covered, ok = timeline.MinuteMilli, true
	for _, p := range c.partitions {
		r := p.book.Find(m)
		if r == nil {
			all.covered = 0
			continue
		}
		ok = ok && r.Closed()
		v := p.volume(m)
		all.Received += v.Received
		all.Unique += v.Unique
		all.Duplicate += v.Duplicate
		all.Late += v.Late
		all.Emitted += v.Emitted
		all.Bytes += v.Bytes
		all.connections += v.connections
		all.covered = min(all.covered, v.covered)
		all.state = max(all.state, v.state)
	}
	return all, ok
}

func (c *Core) point(name string, at int64, tags ...point.Tag) *point.Point {
	c.out.Points = append(c.out.Points, point.Point{Name: name, Time: at,
		Tags: append([]point.Tag{{Key: "stream_label", Value: c.cfg.StreamLabel}}, tags...)})
	return &c.out.Points[len(c.out.Points)-1]
}

func (c *Core) volumePoint(partition string, m timeline.Minute, v volume) {
	if !v.Balanced() {
		panic("BUG: the book of minute " + m.String() + " does not balance")
	}
	c.point("decahose_volume", m.Nano(), point.Tag{Key: "partition", Value: partition}).Fields = []point.Field{
		{Key: "received", Value: v.Received},
		{Key: "unique", Value: v.Unique},
		{Key: "duplicate", Value: v.Duplicate},
		{Key: "late", Value: v.Late},
		{Key: "emitted", Value: v.Emitted},
		{Key: "bytes", Value: v.Bytes},
		{Key: "connections", Value: v.connections},
		{Key: "covered_ms", Value: v.covered},
		{Key: "state", Value: v.state.String()},
	}
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
		{Key: "duplicates", Value: k.duplicates},
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

func (c *Core) streamPoint() {
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
		missing += p.missing(c.clock.at(c.now))
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
		left := timeline.MinuteOf(first).Milli() + c.cfg.RecoveryHorizon.Milliseconds() - c.clock.at(c.now)
		pt.Fields = append(pt.Fields, point.Field{Key: "next_expiry_ms", Value: max(0, left)})
	}
	pt.Fields = append(pt.Fields,
		point.Field{Key: "emitted", Value: c.emitted},
		point.Field{Key: "dedup_ids", Value: int64(c.ids.Len())},
		point.Field{Key: "state_bytes", Value: int64(0)},
		point.Field{Key: "state_ok", Value: true},
		point.Field{Key: "connect_budget", Value: int64(c.budget.left(c.now))},
		point.Field{Key: "time_collisions", Value: c.collisions})
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
		end = max(end, timeline.CeilMinute(c.clock.at(c.now)))
	}
	c.point("decahose_gap", first.Nano(), point.Tag{Key: "partition", Value: strconv.Itoa(g.Partition)}).Fields = []point.Field{
		{Key: "end", Value: end.Nano()},
		{Key: "minutes", Value: int64(end - first)},
		{Key: "state", Value: g.State.String()},
		{Key: "cause", Value: g.Cause},
		{Key: "filled_by", Value: g.FilledBy},
		{Key: "tweets", Value: g.Tweets},
	}
}

// lastTold is what the log said last of a connection, so that a lasting failure fills no log.
type lastTold struct {
	class string
	at    time.Time
}

// noteAgain is how often a lasting failure of one class is repeated in the log.
const noteAgain = 10 * time.Minute

func (c *Core) noteOpened(n *conn) {
	again := ""
	if n.counters.connects > 1 {
		again = " again"
	}
	if n.backfill > 0 {
		c.note(Info, "%s: connected%s, asked for %d min of backfill", n, again, n.backfill)
	} else {
		c.note(Info, "%s: connected%s", n, again)
	}
	n.told = lastTold{}
}

// noteEnded says why a connection ended; refusals loudly, with X's own words.
func (c *Core) noteEnded(n *conn, end End, wait time.Duration) {
	if c.stopping || n.told.class == end.Class && c.now.Sub(n.told.at) < noteAgain {
		return
	}
	n.told = lastTold{end.Class, c.now}
	words := printable(end.Message)
	if words == "" {
		words = printable(end.Detail)
	}
	if words != "" {
		words = ": " + words
	}
	retry := wait.Round(10 * time.Millisecond)
	switch {
	case end.Class == tooMany:
		c.note(Warn, "%s: one connection too many for this stream, parked for %v; lower option \"connections\" or stop the other client%s", n, retry, words)
	case end.Status == 401 || end.Status == 403 || end.Status == 404 || end.Status == 406:
		c.note(Error, "%s: X refused with HTTP %d%s; %s; next try in %v", n, end.Status, words, advice(end.Status), retry)
	case end.Status >= 300 || end.Class == "credentials" || end.Class == "config" || end.Class == "redirect" || end.Class == "tls":
		c.note(Error, "%s: %s%s; next try in %v%s", n, end.Class, words, retry, c.escalation(n, end))
	default:
		c.note(Warn, "%s: ended (%s)%s; next try in %v", n, end.Class, words, retry)
	}
}

func advice(status int) string {
	switch status {
	case 401:
		return "check options username and password"
	case 403:
		return "check that the account may use this stream"
	case 404:
		return "check options account, stream_label and stream_url"
	}
	return "the request was not acceptable"
}

// escalation is X's own advice on trouble that lasts (Decahose page, 503).
func (c *Core) escalation(n *conn, end End) string {
	b := &n.backoff
	if end.Status < 500 {
		return ""
	}
	if b.server <= 1 {
		b.serverSince = c.now
	}
	if c.now.Sub(b.serverSince) >= escalate {
		return "; this lasts for more than 10 minutes: look at X's status page, and call X's support if it shows nothing"
	}
	return ""
}
