package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/gap"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/core/seen"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// quickRetry is the wait after a request that was cut while it delivered.
	quickRetry = time.Second
	// tellFirst is how long the first Tweets may take to tell the stream's time, before a guess is good enough.
	tellFirst = 10 * time.Minute
	// tooYoung is the wait after X found a date too young or too old (406): its clock and ours differ.
	tooYoung = time.Minute
	// tooYoungMost is how often in a row that is believed: from then on the waits double.
	tooYoungMost = 5
	// postponedMost is the longest that a minute waits which X failed to deliver.
	postponedMost = time.Hour
	// withdrawn is the result of a request that was noted and never made.
	withdrawn = "withdrawn"
)

// requests are those to Replay or Recovery.
type requests struct {
	conns     []*conn // one for each that may run at once
	budget    retry.Budget
	at        time.Time // none before
	failures  int       // in a row, of one kind and without a whole minute
	status    int       // HTTP status of them
	class     string    // of the end of the last one
	last      int64     // id of the last one
	claims    []claim
	postponed map[timeline.Minute]postponement
}

// job is one request under way, and its past when it is not.
type job struct {
	method  refill.Method
	archive int // that is read, X: none
	query   refill.Request
	follow  *refill.Job
	reading *refill.Reading // of an archive, in place of follow
	record  *ledger.RequestRecord
	missing []refill.Missing // of the query, when it was asked
	claimed timeline.Minute  // minutes before it are claims
	spoiled timeline.Set     // minutes that count for nothing: some of what was brought was lost behind us
}

// claim is a span that a request delivered. It counts once the Tweets before it are settled.
type claim struct {
	after  uint64 // Tweets that entered sent before it
	method refill.Method
	query  refill.Request
	span   timeline.Span
}

type postponement struct {
	failures int
	until    time.Time
}

func (c *Core) newRequests() {
	q := &c.requests
	r := &c.cfg.Recovery
	q.budget = retry.NewBudget(r.Limit, r.Period)
	q.postponed = make(map[timeline.Minute]postponement)
	if r.Method == refill.None {
		return
	}
	for k := range r.Jobs {
		q.conns = append(q.conns, &conn{Conn: Conn{ledger.AnyPartition, seen.StoredWitness}, index: len(c.conns) + k, part: c.any, job: &job{archive: X}})
	}
}

// Requests is how many requests may run at once, the reading of an archive included; their indices follow those of Conns.
func (c *Core) Requests() int { return len(c.requests.conns) + len(c.archives.conns) }

// requestConn is the request of an index.
func (c *Core) requestConn(i int) *conn {
	if k := i - len(c.requests.conns); k >= 0 {
		return c.archives.conns[k]
	}
	return c.requests.conns[i]
}

// request asks for what is due: of archives, and of X within its limits.
func (c *Core) request() {
	if c.stopping || c.behind || c.durable.failing || !c.clock.Set() {
		return
	}
	if c.clock.Guessed() && !c.cfg.Offline && c.now.Sub(c.begun) < tellFirst {
		return
	}
	c.readArchives()
	if !c.now.Before(c.requests.at) {
		c.askX()
	}
}

// askX makes requests to Replay or Recovery.
func (c *Core) askX() {
	q := &c.requests
	for _, n := range q.conns {
		if n.state != waiting {
			continue
		}
		if q.budget.Left(c.now) == 0 {
			q.at = later(q.budget.Free(c.now), c.now.Add(chore))
			return
		}
		missing, _ := c.missing()
		query, ok := c.cfg.Recovery.Next(c.clock.At(c.now), missing, c.running())
		if !ok {
			q.at = c.now.Add(chore)
			return
		}
		c.ask(n, query, missing)
	}
}

// running are the requests to X under way.
func (c *Core) running() (all []refill.Request) { return queries(c.requests.conns) }

// underWay are all of them, and what is read of archives.
func (c *Core) underWay() (all []refill.Request) {
	return append(c.running(), queries(c.archives.conns)...)
}

func queries(conns []*conn) (all []refill.Request) {
	for _, n := range conns {
		if n.state != waiting {
			all = append(all, n.job.query)
		}
	}
	return all
}

// missing are the minutes, as far as gaps go, that X may be asked for, and those that each archive may be.
func (c *Core) missing() (ask []refill.Missing, read []timeline.Set) {
	read = make([]timeline.Set, len(c.cfg.Archives))
	for _, p := range c.partitions {
		m, copies := refill.Missing{Partition: p.id}, make([]timeline.Set, len(read))
		for _, h := range c.gaps.Of(p.index) {
			c.sort(h, &m, copies)
		}
		c.exclude(&m)
		if len(m.Minutes.Spans())+len(m.Undecided.Spans()) > 0 {
			ask = append(ask, m)
		}
		for k := range copies {
			c.excludeAsked(p, &copies[k])
			read[k].AddSet(&copies[k])
		}
	}
	return ask, read
}

// sort puts the minutes of a hole where they are to be had. Those that a backfill may bring, and those to come of a gap
// that goes on, are undecided.
func (c *Core) sort(h *gap.Gap, m *refill.Missing, copies []timeline.Set) {
	first, end := c.gaps.Whole(h).Minutes()
	if h.Dark {
		end = timeline.MinuteOf(c.gaps.Whole(h).To)
		m.Undecided.Add(timeline.Span{From: end.Milli(), To: end.Milli() + max(c.cfg.Recovery.Window.Milliseconds(), timeline.MinuteMilli)})
	}
	for at := first; at < end; at++ {
		switch step, k := c.way(h, at); {
		case step == refill.Ask:
			m.Minutes.Add(at.Span())
		case step == refill.FromArchive:
			copies[k].Add(at.Span())
		case h.Dark || h.Promises(at):
			m.Undecided.Add(at.Span())
		}
	}
}

// way is what to do about a minute of a hole, while no connection is about to be made.
func (c *Core) way(h *gap.Gap, m timeline.Minute) (refill.Step, int) {
	return c.ways.Way(c.clock.At(c.now), refill.Lack{Span: m.Span(), Promised: h.Promises(m), Dark: h.Dark,
		Forfeited: h.Full || c.account(h.Partition).refuses(c.now), Words: c.words(m)})
}

// exclude takes out what came and is not settled yet, and what X failed to deliver a while ago.
func (c *Core) exclude(m *refill.Missing) {
	for _, k := range c.requests.claims {
		if concerns(k.query, m.Partition) {
			m.Minutes.Remove(k.span)
		}
	}
	for minute, w := range c.requests.postponed {
		if c.now.Before(w.until) {
			m.Minutes.Remove(minute.Span())
		}
	}
}

func spanOf(query refill.Request) timeline.Span {
	return timeline.Span{From: query.From.Milli(), To: query.To.Milli()}
}

// ask notes a request; it is made once that is durable.
func (c *Core) ask(n *conn, query refill.Request, missing []refill.Missing) {
	q := &c.requests
	q.last++
	q.budget.Start()
	j := n.job
	*j = job{method: c.cfg.Recovery.Method, archive: X, query: query, follow: refill.NewJob(query), claimed: query.From}
	span := spanOf(query)
	for _, m := range missing {
		part := refill.Missing{Partition: m.Partition}
		for _, s := range m.Minutes.Within(span) {
			part.Minutes.Add(s)
		}
		j.missing = append(j.missing, part)
	}
	c.intend(n)
}

// intend notes what n's job is to ask for; it is asked once that is durable.
func (c *Core) intend(n *conn) {
	j, query := n.job, n.job.query
	j.record = &ledger.RequestRecord{ID: c.requests.last, Method: j.method.String(), Partition: query.Partition, From: query.From, To: query.To, At: c.wall}
	n.part = c.account(query.Partition)
	n.state, n.dialedAt, n.answered = dialing, c.now, false
	c.durable.asked = append(c.durable.asked, j.record)
	c.durable.intents = append(c.durable.intents, n)
	c.seen.Want(query.From)
	c.seen.Want(query.From + 1)
	c.markAsked(query, spanOf(query))
}

// markAsked says of the gaps that their minutes are being asked for.
func (c *Core) markAsked(query refill.Request, span timeline.Span) {
	for _, p := range c.partitions {
		if concerns(query, p.id) {
			c.gaps.RequestedIn(p.index, span)
		}
	}
}

// unask says of gaps that nobody is asked for them any more.
func (c *Core) unask() { c.gaps.Unask(c.beingAsked) }

// concerns reports whether the request brings Tweets of the partition; AnyPartition stands for all of them.
func concerns(query refill.Request, partition int) bool {
	return query.Partition == partition || query.Partition == ledger.AnyPartition || partition == ledger.AnyPartition
}

// beingAsked reports whether a request under way, or one whose Tweets are not settled, may bring part of the span.
func (c *Core) beingAsked(partition int, s timeline.Span) bool {
	for _, query := range c.underWay() {
		if concerns(query, partition) && !s.Intersect(spanOf(query)).Empty() {
			return true
		}
	}
	return slices.ContainsFunc(c.requests.claims, func(k claim) bool { return concerns(k.query, partition) && !s.Intersect(k.span).Empty() })
}

// withdraw takes back a request that could not be made durable.
func (c *Core) withdraw(n *conn) {
	n.state = waiting
	r := *n.job.record // the store may hold it as it was asked, if the commit is only late
	r.Result, r.Ended = withdrawn, c.wall
	c.durable.asked = append(c.durable.asked, &r)
	if n.job.archive == X {
		c.requests.budget.Withdraw()
		c.requests.at = c.now.Add(factsEvery)
	} else {
		c.archives.each[n.job.archive].until = c.now.Add(factsEvery)
	}
	c.unask()
}

// heardRequest folds what a request says.
func (c *Core) heardRequest(n *conn, ev Event) {
	if n.job.archive != X {
		c.heardArchive(n, ev)
		return
	}
	switch ev.Kind {
	case Opened:
		c.requests.budget.End(c.now)
		n.answered = true
		n.counters.Status = 200
		n.openedAt = c.now
		if n.state == dialing {
			n.state = live
		}
		c.note(Info, "%s of %s begun", c.cfg.Recovery.Method, n.job)
	case Received:
		c.receivedRequest(n, ev.Batch)
	case Silent:
		if n.state == live {
			c.hangUp(n, "silence")
		}
	case Ended:
		c.endedRequest(n, ev.End)
	}
}

// String names the minutes of a request, as its log lines do.
func (j *job) String() string {
	s := minutesOf(&ledger.Gap{Span: timeline.Span{From: j.query.From.Milli(), To: j.query.To.Milli()}})
	if j.query.Partition == ledger.AnyPartition {
		return s
	}
	return fmt.Sprintf("%s of partition %d", s, j.query.Partition)
}

// receivedRequest takes a batch of a request: the same road as the stream's, and a second account of what came.
func (c *Core) receivedRequest(n *conn, b *wire.Batch) {
	k, follow := &n.counters, n.job.follow
	k.Tally(b)
	c.parser.Reset()
	at := follow.At()
	for i := range b.Frames {
		f := &b.Frames[i]
		first, notices := k.First, k.Notices
		switch {
		case f.Kind == wire.Record && c.record(n, f):
			follow.Tweet(f.ID.Milli(), k.First > first)
		case f.Kind == wire.Record && k.Notices > notices:
			follow.Other()
		case f.Kind == wire.Record:
			follow.Broken()
		case f.Kind == wire.Notice:
			k.Notices++
			c.requestNotice(n, f.Data)
		default:
			c.malformed(n, f.Data)
			follow.Broken()
		}
	}
	if at != follow.At() {
		c.seen.Want(follow.At() + 1)
		c.seen.Want(follow.At() + 2)
	}
	c.claimFull(n, follow.Whole())
}

// requestNotice reads a message about the request; its last word ends it.
func (c *Core) requestNotice(n *conn, data []byte) {
	m, ok := wire.ParseNotice(data)
	switch {
	case !ok || m.Root == "":
		n.job.follow.Other()
	case n.job.follow.Notice(m):
		if n.state == live {
			c.hangUp(n, "completed")
		}
	case c.now.Sub(n.heardAt) >= time.Minute:
		n.heardAt = c.now
		c.note(Warn, "%s of %s: X says: %s", c.cfg.Recovery.Method, n.job, printable(m.Message))
	}
}

// claim notes that a span was delivered.
func (c *Core) claim(n *conn, s timeline.Span) {
	for _, part := range without(s, &n.job.spoiled) {
		c.requests.claims = append(c.requests.claims, claim{c.inFlight.Pushed(), n.job.method, n.job.query, part})
	}
}

func without(s timeline.Span, not *timeline.Set) []timeline.Span {
	if s.Empty() {
		return nil
	}
	var rest timeline.Set
	rest.Add(s)
	for _, part := range not.Spans() {
		rest.Remove(part)
	}
	return rest.Spans()
}

// spoil takes back what was claimed of the minute, and has requests that may have begun to bring it not claim it.
func (c *Core) spoil(partition int, m timeline.Minute) {
	q := &c.requests
	var minute timeline.Set
	minute.Add(m.Span())
	var kept []claim
	for _, k := range q.claims {
		if !concerns(k.query, partition) {
			kept = append(kept, k)
			continue
		}
		for _, part := range without(k.span, &minute) {
			kept = append(kept, claim{k.after, k.method, k.query, part})
		}
	}
	q.claims = kept
	for i := range c.Requests() {
		if n := c.requestConn(i); n.state != waiting && concerns(n.job.query, partition) && m <= n.job.progress().At()+1 {
			n.job.spoiled.AddSet(&minute)
		}
	}
}

// settleClaims lets count what was delivered and is settled.
func (c *Core) settleClaims() {
	if c.durable.failing {
		return
	}
	q := &c.requests
	type road struct {
		method    refill.Method
		partition int
	}
	came := map[road]*timeline.Set{} // neighbours together, or each would be a gap of its own
	n := 0
	for ; n < len(q.claims) && q.claims[n].after <= c.inFlight.Settled(); n++ {
		k := &q.claims[n]
		r := road{k.method, k.query.Partition}
		if came[r] == nil {
			came[r] = &timeline.Set{}
		}
		came[r].Add(k.span)
		for m, end := k.span.Minutes(); m < end; m++ {
			c.durable.cooled = append(c.durable.cooled, m)
			delete(q.postponed, m)
		}
	}
	if n == 0 {
		return
	}
	asked := requestedIn(q.claims[:n])
	q.claims = append(q.claims[:0], q.claims[n:]...)
	for _, p := range c.partitions {
		for _, r := range [...]road{{refill.Archive, ledger.AnyPartition}, {c.cfg.Recovery.Method, ledger.AnyPartition}, {c.cfg.Recovery.Method, p.id}} {
			if set := came[r]; set != nil {
				for _, s := range set.Spans() {
					c.gaps.Fill(p.index, s, r.method.String())
				}
			}
		}
	}
	for _, m := range minutesOfSet(&asked) {
		c.missedByX(m)
	}
	c.unask()
}

// requestedIn are the minutes of the claims that X brought.
func requestedIn(claims []claim) (all timeline.Set) {
	for i := range claims {
		if claims[i].method != refill.Archive {
			all.Add(claims[i].span)
		}
	}
	return all
}

// dated reports whether X's refusal is about a date (X: Replay API, 406).
func dated(message string) bool { return strings.Contains(strings.ToLower(message), "date") }
