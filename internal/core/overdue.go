package core

import (
	"fmt"
	"slices"
	"time"
)

// Overdue is the class of an attempt of which the layers below reported neither an answer nor an end in time.
const overdue = "overdue"

const (
	// attemptSlack is what an attempt may take beyond connect_timeout, more than all that those below allow themselves
	// together: a commit (5 s), the body of a refusal (5 s), who is left behind (1 s).
	attemptSlack = 30 * time.Second
	// closeLimit is how long the end of a connection that was asked to end is waited for.
	closeLimit = 30 * time.Second
)

// watchEnds is the last deadline of each attempt, for ends that never come: it is asked to end when it is overdue, and
// given up when it does not even do that. While the engine takes no events, the end may have come.
func (c *Core) watchEnds(ev Event) {
	if ev.Unread {
		c.unreadAt = c.now
	}
	if ev.UnreadRequests {
		c.unreadRequestsAt = c.now
	}
	for _, n := range slices.Concat(c.conns, c.requests.conns) {
		c.watchEnd(n)
	}
}

func (c *Core) watchEnd(n *conn) {
	unread := c.unreadAt
	if n.job != nil {
		unread = later(unread, c.unreadRequestsAt)
	}
	limit := c.cfg.ConnectTimeout + attemptSlack
	switch {
	case n.state == dialing && c.cfg.ConnectTimeout > 0 && c.now.Sub(later(n.dialedAt, unread)) >= limit:
		c.hangUp(n, overdue)
	case n.state == closing && c.now.Sub(later(n.closedAt, unread)) >= closeLimit:
		c.out.Close = append(c.out.Close, Close{Conn: n.index, Class: overdue, Leave: true})
		c.heard(Event{Kind: Ended, Conn: n.index, End: End{Class: overdue, Opened: n.answered,
			Detail: fmt.Sprintf("it did not end within %v, and is given up", closeLimit)}})
	}
}
