package core

import (
	"maps"
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
		g := &c.changed[i]
		if !slices.ContainsFunc(c.changed[i+1:], g.Same) { // else it changed again at once
			c.gapPoint(g)
		}
	}
	c.changed = c.changed[:0]
	if ev.Kind == Poll || ev.Kind == Final {
		for _, n := range c.conns {
			c.connectionPoint(n)
		}
		c.streamPoint(ev.Road)
		for i, n := range c.requests.conns {
			if n.state == live {
				c.recoveryPoint(int64(i), n.job)
			}
		}
	}
	if ev.Kind == Final || ev.Kind != Received && !c.now.Before(c.tellAt) {
		c.tell(ev.Kind == Final)
		c.tellAt = c.now.Add(c.cfg.Interval)
	}
}

// tell reports the closed minutes that changed, each at most once per interval; at the end, all.
func (c *Core) tell(final bool) {
	told := make(map[timeline.Minute]bool)
	covers := c.covers()
	// What is seen of a minute that nothing was posted to changes only while connections catch up.
	recent := timeline.MinuteOf(c.clock.at(c.now)) - 60
	for _, seen := range covers {
		for _, m := range seen.book.Minutes() {
			r := seen.book.Find(m)
			if !final && (!r.Closed() || !r.Dirty() && m < recent || c.early(m)) {
				continue
			}
			v := seen.volume(m)
			if !r.Changed(v.View) {
				continue
			}
			r.Told(c.now.UnixNano(), v.View)
			told[m] = true
			c.volumePoint(strconv.Itoa(seen.id), m, v)
		}
	}
	for _, m := range c.any.book.Minutes() {
		if r := c.any.book.Find(m); r.Changed(ledger.View{}) && (final || r.Closed() && !c.early(m)) {
			r.Told(c.now.UnixNano(), ledger.View{})
			told[m] = true
		}
	}
	for _, m := range slices.Sorted(maps.Keys(told)) {
		if v, ok := c.sum(covers, m); ok || final {
			c.volumePoint("all", m, v)
		}
	}
}

// early reports whether any partition's minute was told within the interval: the sum would be told
// again too. What is being told at this very moment does not count.
func (c *Core) early(m timeline.Minute) bool {
	now := c.now.UnixNano()
	for i := range len(c.partitions) + 1 {
		if r := c.at(i).book.Find(m); r != nil && r.ToldAt() < now && now-r.ToldAt() < int64(c.cfg.Interval) {
			return true
		}
	}
	return false
}

// volume is what decahose_volume says of one minute.
type volume struct {
	ledger.Row
	ledger.View
}

// cover is the coverage of a partition at one moment: of all its connections together, and of each.
type cover struct {
	*partition
	all  *timeline.Set
	each []timeline.Set
	kept int64 // id time, Unix ms: what lies before may have been forgotten
	stop bool  // connections end by our own will, which says nothing against what was told
}

func (c *Core) covers() []cover {
	kept := c.keep().Milli()
	list := make([]cover, len(c.partitions))
	for k, p := range c.partitions {
		list[k] = cover{partition: p, all: p.coverage(), each: make([]timeline.Set, len(p.conns)), kept: kept, stop: c.stopping}
		for i, n := range p.conns {
			list[k].each[i].AddSet(&n.coverage)
			list[k].each[i].Add(n.span())
		}
	}
	return list
}

// volume of one minute.
func (s *cover) volume(m timeline.Minute) (v volume) {
	if r := s.book.Find(m); r != nil {
		v.Row = *r
	}
	v.Covered = s.all.Covered(m.Span())
	for i := range s.each {
		if s.each[i].Covered(m.Span()) == timeline.MinuteMilli {
			v.Connections++
		}
	}
	last := v.LastView()
	if m.Milli() < s.kept || s.stop && v.ToldAt() != 0 { // coverage was forgotten, or ended by our own will
		v.Covered = max(v.Covered, last.Covered)
		v.Connections = max(v.Connections, last.Connections)
	}
	if v.Past() {
		v.Connections = max(v.Connections, last.Connections)
	}
	v.State = s.book.StateOf(m, v.Covered == timeline.MinuteMilli)
	return v
}

// sum adds up the partitions, and what has none; ok is false while one of them has not closed the minute.
func (c *Core) sum(covers []cover, m timeline.Minute) (all volume, ok bool) {
	all.Covered, ok = timeline.MinuteMilli, true
	if r := c.any.book.Find(m); r != nil {
		all.add(r)
	}
	for i := range covers {
		v := covers[i].volume(m)
		ok = ok && (v.Closed() || covers[i].book.Find(m) == nil)
		all.add(&v.Row)
		all.Connections += v.Connections
		all.Covered = min(all.Covered, v.Covered)
		all.State = max(all.State, v.State)
	}
	return all, ok
}

func (v *volume) add(r *ledger.Row) {
	v.Received += r.Received
	v.Unique += r.Unique
	v.Duplicate += r.Duplicate
	v.Late += r.Late
	v.Given += r.Given
	v.Emitted += r.Emitted
	v.Delivered += min(r.Delivered, r.Emitted)
	v.Bytes += r.Bytes
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
	pt := c.point("decahose_volume", m.Nano(), point.Tag{Key: "partition", Value: partition})
	pt.Fields = []point.Field{
		{Key: "received", Value: v.Received},
		{Key: "unique", Value: v.Unique},
		{Key: "duplicate", Value: v.Duplicate},
		{Key: "late", Value: v.Late},
		{Key: "emitted", Value: v.Emitted},
		{Key: "bytes", Value: v.Bytes},
		{Key: "connections", Value: v.Connections},
		{Key: "covered_ms", Value: v.Covered},
		{Key: "state", Value: v.State.String()},
	}
	if c.cfg.Acknowledged {
		pt.Fields = append(pt.Fields, point.Field{Key: "delivered", Value: min(v.Delivered, v.Emitted)})
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
		left := timeline.MinuteOf(first).Milli() + c.cfg.Recovery.Horizon.Milliseconds() - c.clock.at(c.now)
		pt.Fields = append(pt.Fields, point.Field{Key: "next_expiry_ms", Value: max(0, left)})
	}
	pt.Fields = append(pt.Fields,
		point.Field{Key: "emitted", Value: c.emitted},
		point.Field{Key: "dedup_ids", Value: int64(c.ids.Len())},
		point.Field{Key: "state_bytes", Value: c.durable.bytes},
		point.Field{Key: "state_ok", Value: !c.durable.failing},
		point.Field{Key: "connect_budget", Value: int64(c.budget.left(c.now))},
		point.Field{Key: "time_collisions", Value: c.collisions})
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

// recoveryPoint reports a request under way. Requests that run at once differ by nanoseconds: their tags and
// time would be the same.
func (c *Core) recoveryPoint(offset int64, j *job) {
	total, done := int64(j.query.To-j.query.From), j.follow.MinutesDone()
	eta := int64(0)
	if done > 0 {
		eta = (c.wall - j.record.At) / 1e6 / done * (total - done)
	}
	c.point("decahose_recovery", c.now.UnixNano()+offset, point.Tag{Key: "method", Value: c.cfg.Recovery.Method.String()}).Fields = []point.Field{
		{Key: "from", Value: j.query.From.Nano()},
		{Key: "to", Value: j.query.To.Nano()},
		{Key: "at", Value: j.follow.At().Nano()},
		{Key: "minutes_total", Value: total},
		{Key: "minutes_done", Value: done},
		{Key: "percent", Value: 100 * done / total},
		{Key: "tweets", Value: j.follow.Tweets()},
		{Key: "new", Value: j.follow.New()},
		{Key: "eta_ms", Value: eta},
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
	if words == end.Class { // a watchdog has no more to say than its name
		words = ""
	}
	if words != "" {
		words = ": " + words
	}
	retry := wait.Round(10 * time.Millisecond)
	switch {
	case end.Class == tooMany:
		c.note(Warn, "%s: one connection too many for this stream, parked for %v; lower option \"connections\" or stop the other client%s", n, retry, words)
	case n.plain:
		c.note(Warn, "%s: X refused with HTTP %d%s; next try in %v, without backfill", n, end.Status, words, retry)
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
