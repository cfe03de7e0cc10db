package gap

import (
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Redundant is what filled a gap that another connection turned out to have covered.
const Redundant = "redundant"

// Book holds the gaps of a stream. Partitions are named by their index.
type Book struct {
	parts   []part
	any     *ledger.Book // rows of Tweets whose partition is not known
	now     time.Time
	present int64 // the stream's time, Unix ms
	wall    int64 // this host's clock, Unix ns

	changed         []ledger.Gap // to be reported
	changes         uint64       // how many there ever were
	recovered, lost int64        // minutes
}

// part are the gaps of a partition.
type part struct {
	rows   *ledger.Book
	gaps   []*Gap             // by time
	filled timeline.Set       // spans that a backfill or a request proved to have delivered
	done   []ledger.GapRecord // settled, and to be stored
}

// New returns a book without gaps. rows are those of the partitions, by index, any those of Tweets of none.
func New(rows []*ledger.Book, any *ledger.Book) *Book {
	b := &Book{any: any}
	for _, r := range rows {
		b.parts = append(b.parts, part{rows: r})
	}
	return b
}

// At says what time it is: ours, the stream's in Unix ms, and this host's clock in Unix ns.
func (b *Book) At(now time.Time, present, wall int64) { b.now, b.present, b.wall = now, present, wall }

// Of are the gaps of a partition, by time. They are the book's.
func (b *Book) Of(partition int) []*Gap { return b.parts[partition].gaps }

// Filled are the spans of a partition that a backfill or a request proved to have delivered.
func (b *Book) Filled(partition int) *timeline.Set { return &b.parts[partition].filled }

// Settled is how many minutes were recovered and lost.
func (b *Book) Settled() (recovered, lost int64) { return b.recovered, b.lost }

// Whole is the gap's span; that of a dark one reaches to the stream's present.
func (b *Book) Whole(g *Gap) timeline.Span {
	s := g.Span
	if g.Dark {
		s.To = max(s.To, b.present)
	}
	return s
}

// Dark reports whether a gap of the partition is open whose end is not known yet.
func (b *Book) Dark(partition int) bool {
	return slices.ContainsFunc(b.parts[partition].gaps, func(g *Gap) bool { return g.Dark })
}

// Holds reports whether a gap of any partition holds part of the span.
func (b *Book) Holds(s timeline.Span) bool {
	for i := range b.parts {
		for _, g := range b.parts[i].gaps {
			if !b.Whole(g).Intersect(s).Empty() {
				return true
			}
		}
	}
	return false
}

// HoldsFor reports whether a gap of the partition, of that cause, holds part of the span.
func (b *Book) HoldsFor(partition int, s timeline.Span, cause string) bool {
	return slices.ContainsFunc(b.parts[partition].gaps, func(g *Gap) bool {
		return g.Cause == cause && !b.Whole(g).Intersect(s).Empty()
	})
}

// Missing are the minutes that the partition's gaps hold.
func (b *Book) Missing(partition int) (minutes timeline.Set) {
	for _, g := range b.parts[partition].gaps {
		first, end := b.Whole(g).Minutes()
		minutes.Add(timeline.Span{From: first.Milli(), To: end.Milli()})
	}
	return minutes
}

// Since is when, by our clock, a partition was last sound of which nothing is certain from the id time on: that is the
// settle time earlier.
func (b *Book) Since(from int64) time.Time {
	out := time.Duration(b.present-from)*time.Millisecond - timeline.Settle
	return b.now.Add(-max(0, out))
}

// Lack makes a span of the past missing, as far as no gap of the partition holds it.
func (b *Book) Lack(partition int, s timeline.Span, cause string) {
	k := &b.parts[partition]
	var fresh timeline.Set
	fresh.Add(s)
	for _, g := range k.gaps {
		b.grow(g, s)
		fresh.Remove(b.Whole(g))
	}
	for _, span := range fresh.Spans() {
		g := &Gap{Since: b.Since(span.From), opened: b.wall, Gap: ledger.Gap{Partition: k.rows.Partition, Span: span, Cause: cause}}
		i := slices.IndexFunc(k.gaps, func(o *Gap) bool { return o.Span.From > span.From })
		if i < 0 {
			i = len(k.gaps)
		}
		k.gaps = slices.Insert(k.gaps, i, g)
		b.change(g)
	}
}

// grow gives the gap what the span has of its first and last minute: minutes name gaps, so that two share none.
func (b *Book) grow(g *Gap, s timeline.Span) {
	first, end := b.Whole(g).Minutes()
	s = s.Intersect(timeline.Span{From: first.Milli(), To: end.Milli()})
	if s.Empty() {
		return
	}
	g.Span.From = min(g.Span.From, s.From)
	if !g.Dark {
		g.Span.To = max(g.Span.To, s.To)
	}
	b.change(g)
}

// Open puts a gap at the end of the partition's, merged with one of the same or the next minute. dark says that it goes on.
func (b *Book) Open(partition int, s timeline.Span, cause string, dark bool, since time.Time) {
	k := &b.parts[partition]
	if i := len(k.gaps); i > 0 {
		last := k.gaps[i-1]
		if _, end := last.Minutes(); timeline.MinuteOf(s.From) <= end {
			last.Span.To, last.Dark, last.State = max(last.Span.To, s.To), dark, ledger.GapOpen
			last.asker, last.JudgedAt, last.Full = 0, time.Time{}, cutFor(cause)
			b.change(last)
			return
		}
	}
	g := &Gap{Since: since, Full: cutFor(cause), opened: b.wall,
		Gap: ledger.Gap{Partition: k.rows.Partition, Span: s, Cause: cause, Dark: dark}}
	k.gaps = append(k.gaps, g)
	b.change(g)
}

// GoesOn says that the last gap of the partition goes on: nobody has delivered it since then, our time.
func (b *Book) GoesOn(partition int, since time.Time) {
	k := &b.parts[partition]
	last := k.gaps[len(k.gaps)-1]
	last.Dark, last.Since = true, since
	b.change(last)
}

// Restore puts back a gap as it was stored; nobody is asked for it now.
func (b *Book) Restore(partition int, r ledger.GapRecord) {
	k := &b.parts[partition]
	g := &Gap{Since: b.Since(r.Span.From), opened: r.Opened, requests: r.Asked, Full: cutFor(r.Cause), saved: r,
		Gap: ledger.Gap{Partition: k.rows.Partition, Span: r.Span, Cause: r.Cause, Tweets: r.Tweets}}
	first, end := g.Minutes()
	g.told = lastTold{first, end, r.State}
	k.gaps = append(k.gaps, g)
	slices.SortStableFunc(k.gaps, func(a, b *Gap) int { return int(a.Span.From - b.Span.From) })
	b.change(g)
}

// Lacks is what the partition's gaps hold of the minute, each without its first ms.
func (b *Book) Lacks(partition int, m timeline.Minute, without int64) (lacks timeline.Set) {
	for _, g := range b.parts[partition].gaps {
		lacks.Add(unheard(b.Whole(g), without).Intersect(m.Span()))
	}
	return lacks
}

// unheard is a gap without its first seconds: it begins before the cut, and what came then says nothing of what a source
// brought. One that begins with a minute has no such seconds.
func unheard(s timeline.Span, without int64) timeline.Span {
	if from := s.From + without; s.From%timeline.MinuteMilli != 0 && from < s.To {
		s.From = from
	}
	return s
}
