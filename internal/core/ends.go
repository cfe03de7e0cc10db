package core

import "time"

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
