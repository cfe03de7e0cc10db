package recovery

import (
	"math"

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
// off, because X failed to deliver them, are to be left out of missing.
//
// The oldest come first. X judges the horizon when the request is made, so that what it holds is safe from then
// on. When Replay, slower than real time, cannot save all of a long backlog, each request starts with the minute
// that is about to expire and is full; only minutes are lost that expire while another request runs, and younger
// ones wait without harm. The newest first would let the oldest expire unasked. No order saves more by as much
// as one window. What expired is passed over and blocks nothing.
func (r Rules) Next(now int64, missing []Missing, running []Request) (next Request, ok bool) {
	if r.full(running) {
		return Request{}, false
	}
	within := timeline.Span{
		From: timeline.CeilMinute(now - r.Horizon.Milliseconds() + margin).Milli(),
		To:   r.unripe(now).Milli(),
	}
	for partition, set := range r.wanted(timeline.Span{From: within.From, To: math.MaxInt64}, missing, running) {
		q := r.first(partition, set)
		if !r.ready(&q, now, r.unripe(now)) {
			continue
		}
		if !ok || q.From < next.From || q.From == next.From && q.Partition < next.Partition {
			next, ok = q, true
		}
	}
	return next, ok
}

// ready reports whether a request may be made, and cuts it to what is ripe. Neighbours that are not ripe are waited
// for: a gap of seven minutes is one request and not seven. Not where the first would expire meanwhile.
func (r Rules) ready(q *Request, now int64, unripe timeline.Minute) bool {
	if q.To <= unripe {
		return true
	}
	if q.From >= unripe || r.Ripe(q.To-1) <= r.Expires(q.From) {
		return false
	}
	q.To = unripe
	return true
}

// Due is when Next may first say more than now, in Unix ms of stream time: the next missing minute is old
// enough then. It is 0 if no time will bring that, also while all jobs run, since then only their end does.
func (r Rules) Due(now int64, missing []Missing, running []Request) (due int64) {
	if r.full(running) {
		return 0
	}
	within := timeline.Span{From: timeline.CeilMinute(now - r.Horizon.Milliseconds() + margin).Milli(), To: math.MaxInt64}
	for partition, set := range r.wanted(within, missing, running) {
		for _, s := range set.Spans() {
			var run timeline.Set
			run.Add(s)
			q := r.first(partition, &run)
			at := r.Ripe(q.To - 1)
			if at <= now || r.Expired(at, q.From) {
				continue
			}
			if due == 0 || at < due {
				due = at
			}
		}
	}
	return due
}

func (r Rules) full(running []Request) bool { return r.Method == None || len(running) >= r.Jobs }

// unripe is the first minute that is not old enough.
func (r Rules) unripe(now int64) timeline.Minute { return timeline.MinuteOf(now - r.delay()) }

// first is the request for the oldest minutes of a set that is not empty.
func (r Rules) first(partition int, set *timeline.Set) Request {
	from, to := set.Spans()[0].Minutes()
	window := max(1, timeline.Minute(r.Window.Milliseconds()/timeline.MinuteMilli))
	return Request{Partition: partition, From: from, To: min(to, from+window)}
}

// wanted are the minutes within the span that no running request brings, by the partition that a request for
// them names. No set is empty.
func (r Rules) wanted(within timeline.Span, missing []Missing, running []Request) map[int]*timeline.Set {
	sets := map[int]*timeline.Set{}
	for _, m := range missing {
		rest := m.rest(within, running)
		if len(rest.Spans()) == 0 {
			continue
		}
		name := 0
		if r.ByPartition && r.Method == Recovery {
			name = m.Partition
		}
		if sets[name] == nil {
			sets[name] = &timeline.Set{}
		}
		sets[name].AddSet(&rest)
	}
	return sets
}

// rest are the missing minutes within the span that no running request brings.
func (m *Missing) rest(within timeline.Span, running []Request) (rest timeline.Set) {
	for _, s := range m.Minutes.Spans() {
		from, to := s.Minutes()
		rest.Add(span(from, to).Intersect(within))
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
