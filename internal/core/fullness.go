package core

import (
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// usualOf is how many minutes on each side say what is usual, and usualWithin how far they are looked for.
	usualOf     = 5
	usualWithin = 24 * 60
	// usualNear is how far they may be to be like the minute itself.
	usualNear = 60
)

// part is what is missing of one partition's minute.
type part struct {
	*partition
	lacks timeline.Set
}

// lacking is what the gaps of the partitions hold of the minute, without the first of so many ms of each.
func (c *Core) lacking(partition int, m timeline.Minute, without int64) (parts []part) {
	for _, p := range c.partitions {
		if partition != ledger.AnyPartition && partition != p.id {
			continue
		}
		k := part{partition: p}
		for _, h := range c.gaps.Of(p.index) {
			k.lacks.Add(unheard(c.gaps.Whole(h), without).Intersect(m.Span()))
		}
		if len(k.lacks.Spans()) > 0 {
			parts = append(parts, k)
		}
	}
	return parts
}

// unheard is a gap without its first seconds: it begins before the cut, and what came then says nothing of what a source
// brought. One that begins with a minute has no such seconds.
func unheard(s timeline.Span, without int64) timeline.Span {
	if from := s.From + without; s.From%timeline.MinuteMilli != 0 && from < s.To {
		s.From = from
	}
	return s
}

// weighed is the one judgement of a minute that a source filled.
type weighed struct {
	refill.Fullness
	held, expected int64
}

// weigh says whether what the gaps of the partition hold of a minute has come as it should. came is how many Tweets of the
// minute its source brought, copies included; they count where the ledger lost its account of the minute. What is left
// behind a cut may be too short to tell anything: then the seconds before it are judged with it.
func (c *Core) weigh(partition int, m timeline.Minute, came int64) weighed {
	if w := c.weighCopies(partition, m, came); w.Fullness == refill.Thin {
		return w
	}
	w := c.weighParts(c.lacking(partition, m, settle.Milliseconds()), m, came)
	if w.Fullness == refill.Unproven {
		return c.weighParts(c.lacking(partition, m, 0), m, came)
	}
	return w
}

// notAsked is what came by a source that is asked for no whole minutes.
const notAsked = -1

// weighCopies weighs what a source brought of a whole minute against what is known of it, from whomever: who has the minute
// brings that again. So a source that brings next to nothing of a minute of which little is missing is not believed.
func (c *Core) weighCopies(partition int, m timeline.Minute, came int64) weighed {
	known := int64(0)
	for i := range len(c.partitions) + 1 {
		p := c.at(i)
		if r := p.book.Find(m); r != nil && (partition == ledger.AnyPartition || partition == p.id) {
			known += r.Unique
		}
	}
	if came == notAsked || known == 0 {
		return weighed{Fullness: refill.Unproven}
	}
	return weighed{refill.Yardstick{Expected: known, Share: refill.Near}.Judge(came), came, known}
}

func (c *Core) weighParts(parts []part, m timeline.Minute, came int64) weighed {
	if len(parts) == 0 {
		return weighed{Fullness: refill.Full}
	}
	c.wholeMinutes(parts, m)
	held, yard := c.heldOf(parts, m, came), c.yardstick(parts, m)
	return weighed{yard.Judge(held), held, yard.Expected}
}

// wholeMinutes has the minute judged as a whole where nobody knows of which seconds its Tweets are.
func (c *Core) wholeMinutes(parts []part, m timeline.Minute) {
	past := func(p *partition) bool { r := p.book.Find(m); return r != nil && r.Past() }
	unknown := past(c.any)
	for i := range parts {
		unknown = unknown || past(parts[i].partition)
	}
	for i := range parts {
		if unknown {
			parts[i].lacks.Add(m.Span())
		}
	}
}

// heldOf is how many Tweets there are of what was missing, whichever source brought them.
func (c *Core) heldOf(parts []part, m timeline.Minute, came int64) (n int64) {
	var all timeline.Set
	whole := true
	for i := range parts {
		n += countIn(parts[i].partition, m, &parts[i].lacks)
		all.AddSet(&parts[i].lacks)
		whole = whole && parts[i].lacks.Covered(m.Span()) == timeline.MinuteMilli
	}
	n += countIn(c.any, m, &all)
	if !whole {
		return n
	}
	for _, p := range c.partitions {
		if r := p.book.Find(m); r != nil && !contains(parts, p) {
			came -= r.Unique
		}
	}
	return max(n, came)
}

func countIn(p *partition, m timeline.Minute, of *timeline.Set) (n int64) {
	r := p.book.Find(m)
	switch {
	case r == nil:
		return 0
	case of.Covered(m.Span()) == timeline.MinuteMilli:
		return r.Unique
	}
	for _, s := range of.Spans() {
		n += r.Within(m, s)
	}
	return n
}

func contains(parts []part, p *partition) bool {
	for i := range parts {
		if parts[i].partition == p {
			return true
		}
	}
	return false
}

// yardstick is how many Tweets there should be of what is missing. Evidence is, in this order: the same minute of the
// other partitions, minutes within an hour, the same minute of earlier weeks, minutes within a day.
func (c *Core) yardstick(parts []part, m timeline.Minute) (sum refill.Yardstick) {
	beside := c.beside(parts, m)
	for i := range parts {
		k := &parts[i]
		y := refill.Yardstick{Expected: beside, Share: refill.Near}
		if beside == 0 {
			y = c.usualOf(k.partition, m)
		}
		if y.Expected == 0 {
			return refill.Yardstick{}
		}
		y = y.Of(k.lacks.Covered(m.Span()), timeline.MinuteMilli)
		if i == 0 {
			sum = y
		} else {
			sum = sum.Plus(y)
		}
	}
	return sum
}

// beside is the mean of the partitions that are whole in the minute; 0: there are none. Partitions are equal parts of
// the stream (X: Decahose API).
func (c *Core) beside(parts []part, m timeline.Minute) int64 {
	sum, n := int64(0), int64(0)
	for _, p := range c.partitions {
		if u := c.volumes.History.Unique(p.id, m); u != ledger.Unknown && !contains(parts, p) {
			sum += u
			n++
		}
	}
	return sum / max(1, n)
}

// usualOf is what a minute of the partition holds by the smaller mean of those before and behind it: nights differ from
// days. The pace of now stands for minutes that are not over.
func (c *Core) usualOf(p *partition, m timeline.Minute) refill.Yardstick {
	before, lately := c.meanFrom(p, m-1, -1)
	behind, soon := c.meanFrom(p, m+1, 1)
	now := timeline.MinuteOf(c.clock.At(c.now))
	if pace := c.pace(p); behind == 0 && pace > 0 {
		behind, soon = pace, now-m <= usualNear
	}
	switch {
	case lately && soon:
		return refill.Yardstick{Expected: min(before, behind), Share: refill.Near}
	case lately:
		return refill.Yardstick{Expected: before, Share: refill.Near}
	case soon:
		return refill.Yardstick{Expected: behind, Share: refill.Near}
	}
	if n := c.volumes.Expected(m, p.id); n > 0 {
		return refill.Yardstick{Expected: n, Share: refill.Season}
	}
	if before == 0 || behind == 0 {
		return refill.Yardstick{Expected: max(before, behind), Share: refill.Far}
	}
	return refill.Yardstick{Expected: min(before, behind), Share: refill.Far}
}

// usual is how many Tweets the minute should hold, of all partitions; 0: not known.
func (c *Core) usual(m timeline.Minute) (sum int64) {
	for _, p := range c.partitions {
		n := c.usualOf(p, m).Expected
		if n == 0 {
			return 0
		}
		sum += n
	}
	return sum
}

const (
	// paceOf is the time whose Tweets make the pace of now, and paceLeast how much of it must be covered.
	paceOf    = 5 * timeline.MinuteMilli
	paceLeast = 15_000
)

// pace is how many Tweets a minute came of the partition of late, as far as connections covered it; 0: not known. It is what
// a process knows that has not seen a whole minute yet.
func (c *Core) pace(p *partition) int64 {
	var heard timeline.Set
	for _, n := range p.conns {
		heard.AddSet(&n.coverage)
		heard.Add(n.span())
	}
	now := c.clock.At(c.now)
	n, covered := int64(0), int64(0)
	for _, s := range heard.Within(timeline.Span{From: now - paceOf, To: now}) {
		covered += s.Len()
		for m, end := s.Minutes(); m < end; m++ {
			if r := p.book.Find(m); r != nil {
				n += r.Within(m, s)
			}
		}
	}
	if covered < paceLeast {
		return 0
	}
	return n * timeline.MinuteMilli / covered
}

// meanFrom is the mean of the first minutes from m on, in steps of 1 or -1, of which it is known what they hold; near
// says that the first of them is within an hour.
func (c *Core) meanFrom(p *partition, m, step timeline.Minute) (mean int64, near bool) {
	sum, n := int64(0), int64(0)
	for i := range usualWithin {
		if u := c.volumes.History.Unique(p.id, m); u != ledger.Unknown {
			near = near || n == 0 && i < usualNear
			sum += u
			if n++; n == usualOf {
				break
			}
		}
		m += step
	}
	return sum / max(1, n), near
}
