package core

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/seen"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// repair is what was done because a store lacks Tweets of a minute.
type repair struct {
	times   int64
	at      int64                 // Unix ns of the last one
	pending map[snowflake.ID]bool // taken back, and not emitted and settled since
	gone    map[snowflake.ID]bool // the same, and a whole Replay did not bring it: X has it no longer
	unsaved bool
}

// repairs are those of each minute that had one.
type repairs map[timeline.Minute]*repair

// of is the repair of the minute, begun if there is none.
func (rs repairs) of(m timeline.Minute) *repair {
	r := rs[m]
	if r == nil {
		r = &repair{pending: make(map[snowflake.ID]bool), gone: make(map[snowflake.ID]bool)}
		rs[m] = r
	}
	return r
}

// begin notes that Tweets are had again, at Unix ns. Those that are pending, or gone, were taken back before.
func (r *repair) begin(sent []ledger.Sent, at int64) (fresh, before []ledger.Sent) {
	r.times, r.at, r.unsaved = r.times+1, at, true
	for _, t := range sent {
		if r.pending[t.ID] || r.gone[t.ID] {
			delete(r.gone, t.ID)
			before = append(before, t)
		} else {
			fresh = append(fresh, t)
		}
		r.pending[t.ID] = true
	}
	return fresh, before
}

// holds reports whether all of the Tweets are pending.
func (r *repair) holds(sent []ledger.Sent) bool {
	return !slices.ContainsFunc(sent, func(t ledger.Sent) bool { return !r.pending[t.ID] })
}

// giveUp says that X has no longer what is pending.
func (r *repair) giveUp() {
	maps.Copy(r.gone, r.pending)
	clear(r.pending)
	r.unsaved = true
}

// settled notes that a Tweet of the minute settled: it is pending no longer.
func (rs repairs) settled(m timeline.Minute, id snowflake.ID) {
	if r := rs[m]; r != nil && (r.pending[id] || r.gone[id]) {
		delete(r.pending, id)
		delete(r.gone, id)
		r.unsaved = true
	}
}

// record adds the rows that changed.
func (rs repairs) record(k *ledger.Commit) {
	for _, m := range slices.Sorted(maps.Keys(rs)) {
		r := rs[m]
		if !r.unsaved {
			continue
		}
		r.unsaved = false
		k.Repairs = append(k.Repairs, ledger.RepairRecord{Minute: m, Times: r.times, At: r.at, Pending: slices.Sorted(maps.Keys(r.pending))})
		k.Gone = append(k.Gone, ledger.GoneRecord{Minute: m, IDs: slices.Sorted(maps.Keys(r.gone))})
	}
}

// unrecord takes back rows that could not be stored.
func (rs repairs) unrecord(records []ledger.RepairRecord) {
	for i := range records {
		if r := rs[records[i].Minute]; r != nil {
			r.unsaved = true
		}
	}
}

// restore takes over what earlier processes took back, and returns the Tweets that are to be taken again.
func (rs repairs) restore(records []ledger.RepairRecord, gone []ledger.GoneRecord) (unseen []snowflake.ID) {
	for i := range records {
		rec := &records[i]
		r := rs.of(rec.Minute)
		r.times, r.at = rec.Times, rec.At
		unseen = append(unseen, rec.Pending...)
		for _, id := range rec.Pending {
			r.pending[id] = true
		}
	}
	for i := range gone {
		r := rs[gone[i].Minute]
		if r == nil {
			continue
		}
		unseen = append(unseen, gone[i].IDs...)
		for _, id := range gone[i].IDs {
			r.gone[id] = true
		}
	}
	return unseen
}

// forget drops those of minutes that nobody can be asked for any more, and returns the Tweets that are not to be taken again.
func (rs repairs) forget(before timeline.Minute) (seen []snowflake.ID) {
	for m, r := range rs {
		if m < before {
			seen = slices.AppendSeq(slices.AppendSeq(seen, maps.Keys(r.pending)), maps.Keys(r.gone))
			delete(rs, m)
		}
	}
	return seen
}

// orderRepair takes back that Tweets were emitted, so that recovery brings and emits them again: these, and no others.
// again says that it is wanted however often it was tried.
func (c *Core) orderRepair(o *ledger.Order, again bool) (string, error) {
	if c.cfg.Recovery.Method == refill.None {
		return "", errors.New("option \"recovery\" is \"none\": there is nobody to ask")
	}
	if c.seen.UnseenLen()+len(o.Sent) > seen.UnseenMost {
		return "", fmt.Errorf("%d Tweets would have to be had again, %d are allowed at once", c.seen.UnseenLen()+len(o.Sent), seen.UnseenMost)
	}
	var done, minutes, exhausted, old, young, asked int
	by := byMinute(o.Sent)
	for _, m := range slices.Sorted(maps.Keys(by)) {
		r := c.repairs[m]
		switch {
		case m.Milli() < c.horizon():
			old++
		case (m + 1).Milli() > c.clock.At(c.now):
			young++
		case c.beingAsked(ledger.AnyPartition, m.Span()) || r != nil && r.holds(by[m]) && c.gaps.Holds(m.Span()):
			asked++
		case !again && r != nil && r.times >= ledger.RepairsMost:
			exhausted++
		default:
			minutes++
			done += len(by[m])
			c.repair(m, by[m])
		}
	}
	var rest []string
	for _, n := range []struct {
		n    int
		text string
	}{
		{asked, " asked for already"},
		{exhausted, " repaired twice and still short"},
		{old, " older than the horizon"},
		{young, " not over"},
	} {
		if n.n > 0 {
			rest = append(rest, timeline.InWords(n.n)+n.text)
		}
	}
	left := strings.Join(rest, ", ")
	switch {
	case minutes == 0 && left == "":
		return "", errors.New("the order names no Tweets")
	case minutes == 0:
		return "", fmt.Errorf("nothing to repair: %s", left)
	}
	c.requests.at = c.now
	text := fmt.Sprintf("%d Tweets of %s will be had again", done, timeline.InWords(minutes))
	if left != "" {
		text += "; " + left
	}
	return text, nil
}

func byMinute(sent []ledger.Sent) map[timeline.Minute][]ledger.Sent {
	by := make(map[timeline.Minute][]ledger.Sent)
	for _, t := range sent {
		m := timeline.MinuteOf(t.ID.Milli())
		by[m] = append(by[m], t)
	}
	return by
}

// repair makes Tweets of one minute missing.
func (c *Core) repair(m timeline.Minute, sent []ledger.Sent) {
	delete(c.requests.postponed, m)
	fresh, before := c.repairs.of(m).begin(sent, c.wall)
	again := map[account]bool{}
	for _, t := range before {
		again[account{c.account(int(t.Partition)).index, m}] = true
	}
	c.loseTweets(fresh, ledger.CauseAudit, true)
	for _, k := range slices.SortedFunc(maps.Keys(again), account.compare) {
		c.missAgain(k, ledger.CauseAudit)
	}
}

// missedByX gives up what a request did not bring of a minute that it filled: X has it no longer. It is taken all the
// same if it ever comes.
func (c *Core) missedByX(m timeline.Minute) {
	r := c.repairs[m]
	if r == nil || len(r.pending) == 0 || c.gaps.Holds(m.Span()) || c.fills.State(m) != ledger.FillFull {
		return
	}
	r.giveUp()
}
