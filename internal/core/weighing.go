package core

import (
	"github.com/decahose/telegraf-decahose/internal/core/fill"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// weighOutcome judges what a request says it delivered. Minutes that are thin are asked for again; the third time they
// stand, marked.
func (c *Core) weighOutcome(n *conn, o *refill.Outcome) {
	var thin, stand []ledger.FillRecord
	for _, m := range minutesOfSet(&o.Done) {
		w := c.scale.Weigh(n.job.query.Partition, m, n.job.follow.Came(m))
		found := ledger.FillRecord{Minute: m, Held: w.Held, Expected: w.Expected}
		if o.Announced > o.Arrived && w.Fullness == refill.Full { // X counts more, and nobody knows of which minutes
			w.Fullness = refill.Unproven
		}
		switch {
		case w.Fullness != refill.Thin:
			c.fills.Mark(m, w, n.job.method.String(), c.wall)
		case c.fills.Doubted(m), !o.Mismatch && c.fills.Doubt(m):
			c.fills.Mark(m, w, n.job.method.String(), c.wall)
			stand = append(stand, found)
		default:
			o.Done.Remove(m.Span())
			o.Thin = append(o.Thin, m)
			thin = append(thin, found)
		}
	}
	c.noteThin(n, thin, "asked for again")
	c.noteThin(n, stand, "for the third time: taken as recovered, marked as thin")
}

func (c *Core) noteThin(n *conn, found []ledger.FillRecord, then string) {
	if len(found) > 0 {
		k := &found[0]
		c.note(Warn, "%s of %s: %d of its minutes are thin, first of them %s: %d Tweets where about %d should be; %s",
			n.job.method, n.job, len(found), k.Minute, k.Held, k.Expected, then)
	}
}

func minutesOfSet(s *timeline.Set) (all []timeline.Minute) {
	for _, span := range s.Spans() {
		for m, end := span.Minutes(); m < end; m++ {
			all = append(all, m)
		}
	}
	return all
}

// claimFull claims the minutes before to that a running request has passed, but for thin ones: its end judges those.
func (c *Core) claimFull(n *conn, to timeline.Minute) {
	j := n.job
	for m := j.claimed; m < to; m++ {
		w := c.scale.Weigh(j.query.Partition, m, j.follow.Came(m))
		if w.Fullness == refill.Unproven {
			c.fills.Mark(m, w, j.method.String(), c.wall)
		}
		if w.Fullness != refill.Thin {
			c.claim(n, m.Span())
		}
	}
	j.claimed = max(j.claimed, to)
}

// backfilled reports whether what a backfill brought of a partition's minute is enough. That it came in each second is
// evidence, so only a thin minute is not believed; where nobody else can be asked it stands, marked.
func (c *Core) backfilled(p *partition, m timeline.Minute) bool {
	w := c.scale.Weigh(p.id, m, fill.NotAsked)
	if w.Fullness != refill.Thin {
		return true
	}
	then, alone := "left to others", c.cfg.Recovery.Method == refill.None && len(c.cfg.Archives) == 0
	if alone {
		then = "taken as recovered, marked as thin"
		c.fills.Mark(m, w, backfill, c.wall)
	} else if !c.fills.Disbelieve(m) {
		return false // it is looked at again and again, as a backfill may be slow
	}
	c.note(Warn, "partition %d: backfill brought %d Tweets of minute %s where about %d should be; %s", p.id, w.Held, m, w.Expected, then)
	return alone
}
