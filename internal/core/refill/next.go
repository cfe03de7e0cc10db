package refill

import (
	"maps"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// margin, in milliseconds, is how long before its horizon a minute is given up. The stream's time runs some
// seconds behind X's clock, since Tweets need them to arrive, and the request needs some to get there. It costs
// nothing: minutes come so close to the horizon only when Replay is too slow for all, and then a younger one is
// had instead. A date that is refused costs a request and a minute's wait.
const margin = 10_000

// Ripe is the Unix millisecond of stream time from which on the minute may be asked for. A request whose last
// minute is ripe starts at least a minute further back, as Replay wants of fromDate (X: Replay API).
func (r Rules) Ripe(m timeline.Minute) int64 { return (m + 1).Milli() + r.delay() }

// delay is in milliseconds. A negative one would ask for minutes that are not over.
func (r Rules) delay() int64 { return max(0, r.Delay.Milliseconds()) }

// Expires is the last Unix millisecond of stream time at which the minute may be asked for.
func (r Rules) Expires(m timeline.Minute) int64 {
	return m.Milli() + r.Horizon.Milliseconds() - margin
}

// Expired reports whether the minute can no longer be asked for. One in a running request may still come.
func (r Rules) Expired(now int64, m timeline.Minute) bool { return now > r.Expires(m) }

// Next is the request to make at the stream's time now, in Unix ms, if there is one. Minutes whose turn is put
// off, because X failed to deliver them, are to be left out of missing. A request waits for neighbours that are to
// ripen, see turn.
//
// The oldest come first. X judges the horizon when the request is made, so that what it holds is safe from then
// on. When Replay, slower than real time, cannot save all of a long backlog, each request starts with the minute
// that is about to expire and is full; only minutes are lost that expire while another request runs, and younger
// ones wait without harm. The newest first would let the oldest expire unasked. No order saves more by as much
// as one window. What expired is passed over and blocks nothing.
func (r Rules) Next(now int64, missing []Missing, running []Request) (next Request, ok bool) {
	for _, c := range r.candidates(now, missing, running) {
		if r.turn(c) > now {
			continue
		}
		q := c.Request
		q.To = min(q.To, timeline.MinuteOf(now-r.delay()))
		if !ok || q.From < next.From || q.From == next.From && q.Partition < next.Partition {
			next, ok = q, true
		}
	}
	return next, ok
}

// Due is the first Unix millisecond of stream time, from now on, at which Next says something, if nothing else
// changes: now itself if it does already. It is 0 if no time will bring that, also while all jobs run, since then
// only their end does.
func (r Rules) Due(now int64, missing []Missing, running []Request) (due int64) {
	for _, c := range r.candidates(now, missing, running) {
		at := max(now, r.turn(c))
		if !r.Expired(at, c.From) && (due == 0 || at < due) {
			due = at
		}
	}
	return due
}

// undecidedMost, in milliseconds, is how long a minute that may be asked for waits for neighbours that a reconnect may bring:
// longer than backfill reaches (X: Decahose, backfillMinutes), by the time in which it shows what it brought.
const undecidedMost = 9 * timeline.MinuteMilli

// candidate is a request that may be made; open says that neighbours which would fit into it are undecided.
type candidate struct {
	Request
	open bool
}

// turn is from when on the request may be made, cut to what is ripe by then. It waits for its last minute, and until it
// is decided whether more follow, so that a gap of seven minutes is one request and not seven; but not for long where the
// stream decides nothing, and for half of the time at most in which the first may be asked for, since the gap may go on
// and another request may have to go first.
// Where minutes expire before they are ripe, it never comes in time.
func (r Rules) turn(c candidate) int64 {
	first := r.Ripe(c.From)
	half := first + (r.Expires(c.From)-first)/2
	if c.open {
		return min(half, max(r.Ripe(c.To-1), first+undecidedMost))
	}
	return min(r.Ripe(c.To-1), half)
}

// candidates are the oldest minutes, up to a window of neighbours, ripe or not, for each partition that a request
// names; none while all jobs run. Younger ones ripen later, and need no look.
func (r Rules) candidates(now int64, missing []Missing, running []Request) (all []candidate) {
	if r.Method == None || len(running) >= r.Jobs {
		return nil
	}
	window := max(1, timeline.Minute(r.Window.Milliseconds()/timeline.MinuteMilli))
	for partition, w := range r.wanted(now, missing, running) {
		from, to := w.Minutes.Spans()[0].Minutes()
		c := candidate{Request: Request{Partition: partition, From: from, To: min(to, from+window)}}
		c.open = c.To == to && to < from+window && w.Undecided.Covered(to.Span()) > 0
		all = append(all, c)
	}
	return all
}

// wanted are the minutes that have not expired and that no running request brings, by the partition that a request
// for them names. No set of Minutes is empty.
func (r Rules) wanted(now int64, missing []Missing, running []Request) map[int]*Missing {
	oldest := timeline.CeilMinute(now - r.Horizon.Milliseconds() + margin)
	sets := map[int]*Missing{}
	for _, m := range missing {
		rest := m.rest(oldest, running)
		name := 0
		if r.ByPartition && r.Method == Recovery {
			name = m.Partition
		}
		if sets[name] == nil {
			sets[name] = &Missing{Partition: name}
		}
		sets[name].Minutes.AddSet(&rest)
		sets[name].Undecided.AddSet(&m.Undecided)
	}
	maps.DeleteFunc(sets, func(_ int, m *Missing) bool { return len(m.Minutes.Spans()) == 0 })
	return sets
}

// rest are the missing minutes, from the oldest on, that no running request brings.
func (m *Missing) rest(oldest timeline.Minute, running []Request) (rest timeline.Set) {
	for _, s := range m.Minutes.Spans() {
		from, to := s.Minutes()
		rest.Add(span(max(from, oldest), to))
	}
	for _, q := range running {
		if q.Partition == 0 || q.Partition == m.Partition {
			rest.Remove(span(q.From, q.To))
		}
	}
	return rest
}

func span(from, to timeline.Minute) timeline.Span {
	return timeline.Span{From: from.Milli(), To: to.Milli()}
}
