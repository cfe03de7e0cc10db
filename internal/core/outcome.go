package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/retry"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// endedRequest judges what a request brought, and when the next may be made.
func (c *Core) endedRequest(n *conn, end End) {
	q, j := &c.requests, n.job
	if !end.Opened {
		q.budget.End(c.now)
	}
	o := j.follow.End()
	n.state = waiting
	r := *j.record // the store may still hold the record as it was asked
	r.Ended, r.Status, r.Tweets, r.New, r.Result = c.wall, int64(end.Status), j.follow.Tweets(), j.follow.New(), o.Result
	if r.Result == "" {
		r.Result = end.Class
	}
	c.durable.asked = append(c.durable.asked, &r)
	q.class = end.Class
	if o.Arrived == 0 && (!o.Counted || c.knows(j.query)) && len(o.Done.Spans()) > 0 { // minutes without a single Tweet are rare: X's word alone does not make them whole
		o.Mismatch, o.Done = true, timeline.Set{}
	}
	if o.Mismatch {
		c.disagree(n, &o)
	}
	c.weighOutcome(n, &o)
	c.retract(j, &o)
	for _, s := range o.Done.Spans() {
		c.claim(n, s)
	}
	q.at = c.now.Add(c.requestAgain(n, end, &o))
	c.postpone(n, end, &o)
	c.unask()
	c.noteOutcome(n, end, &o)
}

// retract takes back what was claimed while the request ran and is not done by X's last word.
func (c *Core) retract(j *job, o *refill.Outcome) {
	var wrong timeline.Set
	wrong.Add(timeline.Span{From: j.query.From.Milli(), To: j.claimed.Milli()})
	for _, s := range o.Done.Spans() {
		wrong.Remove(s)
	}
	if o.Result == "" || o.Mismatch || len(wrong.Spans()) == 0 {
		return
	}
	c.requests.claims = deleteClaims(c.requests.claims, j.query)
	for _, m := range j.missing {
		for _, s := range wrong.Spans() {
			for _, part := range m.Minutes.Within(s) {
				c.reopen(c.account(m.Partition), part, "failed")
			}
		}
	}
}

// disagree handles a request of which X says that it delivered more than came: nobody knows which minutes are not
// whole, so all are asked for again. A count that never agrees is not believed for ever.
func (c *Core) disagree(n *conn, o *refill.Outcome) {
	q, j := &c.requests, n.job
	o.Done = timeline.Set{}
	for m := j.query.From; m < j.query.To; m++ {
		if c.fills.Doubt(m) && !slices.Contains(o.Failed, m) {
			o.Done.Add(m.Span())
		}
	}
	if tired := o.Done.Covered(spanOf(j.query)) / timeline.MinuteMilli; tired > 0 {
		c.note(Warn, "%s of %s: %s, for the third time: %s", c.cfg.Recovery.Method, j, counted(o), tiredOf(tired, int64(j.query.To-j.query.From)))
		if tired+int64(len(o.Failed)) >= int64(j.query.To-j.query.From) {
			o.Mismatch = false
			return
		}
	}
	q.claims = deleteClaims(q.claims, j.query)
	for _, m := range j.missing {
		p := c.account(m.Partition)
		for _, s := range m.Minutes.Spans() {
			c.reopen(p, s, "count")
		}
	}
}

// tiredOf says how many minutes of a request are not asked for again.
func tiredOf(n, all int64) string {
	if n == all {
		return "taken as recovered, marked"
	}
	return fmt.Sprintf("%d of %d minutes are taken as recovered, marked", n, all)
}

func counted(o *refill.Outcome) string {
	if o.Arrived == 0 {
		return "X delivered nothing"
	}
	return fmt.Sprintf("X counts %d records, %d came", o.Announced, o.Arrived)
}

func deleteClaims(all []claim, query refill.Request) (rest []claim) {
	for _, k := range all {
		if k.query != query {
			rest = append(rest, k)
		}
	}
	return rest
}

// reopen makes a span missing that was whole or recovered, or lost; what a gap holds already stays as it is.
func (c *Core) reopen(p *partition, s timeline.Span, cause string) {
	p.past.Remove(s)
	c.gaps.Filled(p.index).Remove(s)
	p.book.Recovered.Remove(s)
	p.book.Lost.Remove(s)
	for _, n := range p.conns {
		if n.sound && n.soundFrom < s.To { // what the attempt under way covered counts from behind the span on
			n.coverage.Add(timeline.Span{From: n.soundFrom, To: min(s.To, n.newest)})
			n.soundFrom = min(s.To, n.newest)
		}
		n.coverage.Remove(s)
	}
	for m, end := s.Minutes(); m < end; m++ {
		p.book.Row(m).Touch()
	}
	c.gaps.Lack(p.index, s, cause)
}

// requestAgain is how long to wait for the next request, by how this one ended.
func (c *Core) requestAgain(n *conn, end End, o *refill.Outcome) time.Duration {
	q := &c.requests
	if o.Result != "" && !o.Mismatch {
		q.failures = 0
		return 0
	}
	if n.job.claimed > n.job.query.From && end.Opened {
		q.failures = 0
		return c.attempts.jitter.Of(quickRetry)
	}
	if end.Status != q.status { // trouble of another kind
		q.failures, q.status = 0, end.Status
	}
	q.failures++
	switch {
	case end.Status == 420, end.Status == 429:
		return c.attempts.limitWait(q.failures)
	case end.Status == 406 && dated(end.Message):
		return retry.Doubling(tooYoung, retry.MaxRefusedDelay, max(0, q.failures-tooYoungMost))
	case end.Status >= 500:
		return c.attempts.jitter.Of(retry.Server(q.failures, false))
	case end.Status >= 300, end.Class == "redirect", end.Class == "config", end.Class == "credentials":
		return c.attempts.jitter.Of(retry.Refused(q.failures))
	}
	return c.attempts.jitter.Of(retry.Doubling(quickRetry, xapi.MaxServerDelay, q.failures-1))
}

// postpone puts off the minutes that X failed to deliver, so that they do not block those that it can.
func (c *Core) postpone(n *conn, end End, o *refill.Outcome) {
	put := func(m timeline.Minute) {
		w := c.requests.postponed[m]
		w.until = c.now.Add(retry.Doubling(time.Minute, postponedMost, w.failures))
		w.failures++
		c.requests.postponed[m] = w
	}
	j := n.job
	for _, m := range o.Thin {
		if w := c.requests.postponed[m]; w.failures == 0 { // X may not have all of it yet
			c.requests.postponed[m] = postponement{failures: 1}
		}
		if o.Result == "" {
			put(m)
		}
	}
	switch {
	case o.Result != "":
		for m := j.query.From; m < j.query.To; m++ {
			if o.Done.Covered(m.Span()) == 0 {
				put(m)
			}
		}
	case end.Opened && c.requests.failures >= 3:
		put(j.query.From)
	}
	for m := range c.requests.postponed {
		if m < c.keep() {
			delete(c.requests.postponed, m)
		}
	}
}

func (c *Core) noteOutcome(n *conn, end End, o *refill.Outcome) {
	if c.stopping {
		return
	}
	j, method := n.job, c.cfg.Recovery.Method
	wait := c.requests.at.Sub(c.now).Round(10 * time.Millisecond)
	words := printable(end.Message)
	if words != "" {
		words = ": " + words
	}
	if o.Strays > 0 {
		c.note(Warn, "%s of %s: X delivered %d Tweets of other minutes as well", method, j, o.Strays)
	}
	switch {
	case o.Mismatch:
		c.note(Warn, "%s of %s: %s; asked for again", method, j, counted(o))
	case o.Result == refill.Completed:
		c.note(Info, "%s of %s completed: %d Tweets, %d of them new", method, j, j.follow.Tweets(), j.follow.New())
	case o.Result != "":
		c.note(Warn, "%s of %s %s: %s not delivered; asked for again later", method, j, spaced(o.Result), timeline.InWords(len(o.Failed)))
	case end.Opened:
		c.note(Warn, "%s of %s ended (%s)%s before it was completed, whole to %s; next try in %v", method, j, end.Class, words, j.claimed, wait)
	case refusesForGood(end.Status):
		c.note(Error, "%s is refused%s with HTTP %d%s; was it bought? Gaps stay open; next try in %v, or set recovery = \"none\"", method, c.asked(), end.Status, words, wait)
	default:
		c.note(Warn, "%s of %s failed%s (%s)%s; next try in %v", method, j, c.asked(), end.Class, words, wait)
	}
}

// asked names who was asked, where that is known.
func (c *Core) asked() string {
	if c.cfg.RecoveryHost == "" {
		return ""
	}
	return " at " + c.cfg.RecoveryHost
}

func refusesForGood(status int) bool { return status == 401 || status == 403 || status == 404 }

func spaced(result string) string {
	if result == refill.Failed {
		return "failed to complete"
	}
	return "completed with errors"
}

// knows reports whether Tweets came of a request's minutes, on whatever road: then X has some.
func (c *Core) knows(query refill.Request) bool {
	for m := query.From; m < query.To; m++ {
		for i := range len(c.partitions) + 1 {
			p := c.at(i)
			if r := p.book.Find(m); r != nil && r.Unique > 0 && concerns(query, p.id) {
				return true
			}
		}
	}
	return false
}
