package core

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
)

// lastTold is what the log said last of a connection, so that a lasting failure fills no log.
type lastTold struct {
	class string
	at    time.Time
}

// noteAgain is how often a lasting failure of one class is repeated in the log.
const noteAgain = 10 * time.Minute

func (c *Core) noteOpened(n *conn) {
	again := ""
	if n.counters.Connects > 1 {
		again = " again"
	}
	if n.backfill > 0 {
		c.note(Info, "%s: connected%s, asked for %d min of backfill", n, again, n.backfill)
	} else {
		c.note(Info, "%s: connected%s", n, again)
	}
	n.part.saidAt = c.now
}

const (
	// darkAgain is how often the log says that nobody delivers a partition.
	darkAgain = time.Minute
	// firstWord is how long a start may be without a word.
	firstWord = 5 * time.Second
)

// tellDark says, once a minute in one line, which partitions have no connection, why, and when the next attempt is due.
func (c *Core) tellDark() {
	var dark []string
	var first *conn
	due := false
	for _, p := range c.partitions {
		if c.stopping || len(p.conns) == 0 || p.upNow() {
			p.darkAt = time.Time{}
			continue
		}
		if p.darkAt.IsZero() {
			p.darkAt = c.now
		}
		every := darkAgain
		if p.saidAt.IsZero() {
			every = firstWord
		}
		due = due || c.now.Sub(later(p.darkAt, p.saidAt)) >= every
		dark = append(dark, strconv.Itoa(p.id))
		if n := c.attempts.nextOf(p); first == nil || c.attempts.nextTry(n).Before(c.attempts.nextTry(first)) {
			first = n
		}
	}
	if !due {
		return
	}
	since := c.now
	for _, p := range c.partitions {
		if !p.darkAt.IsZero() {
			p.saidAt = c.now
			since = earlier(since, p.darkAt)
		}
	}
	c.note(Warn, "%s %s: no connection for %v (%s); %s", report.Plural("partition", len(dark)), strings.Join(dark, ", "),
		c.now.Sub(since).Round(time.Second), first.counters.LastClass(), c.attempts.tryText(first))
}

// upNow reports whether a connection of the partition is open, whether Tweets come or not.
func (p *partition) upNow() bool {
	return slices.ContainsFunc(p.conns, func(n *conn) bool { return n.state == live })
}

// noteEnded says why a connection ended; refusals loudly, with X's own words.
func (c *Core) noteEnded(n *conn, end End) {
	if c.stopping || n.told.class == end.Class && c.now.Sub(n.told.at) < noteAgain {
		return
	}
	n.told, n.part.saidAt = lastTold{end.Class, c.now}, c.now
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
	retry := c.attempts.nextTry(n).Sub(c.now).Round(10 * time.Millisecond)
	switch {
	case end.Class == xapi.TooManyConnections:
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
	if end.Status < 500 {
		return ""
	}
	if n.behind == nil {
		return ""
	}
	if _, since := n.behind.Failures(); c.now.Sub(since) >= escalateAfter {
		return "; this lasts for more than 10 minutes: look at X's status page, and call X's support if it shows nothing"
	}
	return ""
}
