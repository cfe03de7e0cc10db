package gap

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Covered ends the gap that went on: the partition is delivered again from that id time on.
func (b *Book) Covered(partition int, from int64) {
	for i, g := range b.parts[partition].gaps {
		if !g.Dark {
			continue
		}
		g.Dark, g.Span.To = false, from
		if g.Span.Empty() { // the connections overlapped by more than the settle time
			g.Span.To = g.Span.From + 1
			b.close(partition, i, ledger.GapRecovered, Redundant)
			return
		}
		b.change(g)
		return
	}
}

// Fill takes what was delivered of the span, of whole minutes, out of the partition's gaps.
func (b *Book) Fill(partition int, s timeline.Span, by string) {
	k := &b.parts[partition]
	for i := len(k.gaps) - 1; i >= 0; i-- {
		if got := b.Whole(k.gaps[i]).Intersect(s); !got.Empty() {
			k.filled.Add(got)
			b.take(partition, i, got, ledger.GapRecovered, by)
		}
	}
}

// Lose takes what nobody can bring any more of the span, of whole minutes, out of the partition's gaps, and returns what it took.
func (b *Book) Lose(partition int, s timeline.Span) (lost timeline.Set) {
	k := &b.parts[partition]
	for i := len(k.gaps) - 1; i >= 0; i-- {
		if gone := b.Whole(k.gaps[i]).Intersect(s); !gone.Empty() {
			lost.Add(gone)
			b.take(partition, i, gone, ledger.GapLost, "")
		}
	}
	return lost
}

// take takes a span out of gap i, as recovered or lost.
func (b *Book) take(partition, i int, span timeline.Span, state ledger.GapState, by string) {
	k := &b.parts[partition]
	g := k.gaps[i]
	part := cut(b.Whole(g), span, g.Dark)
	tweets := b.tweetsIn(k, span)
	if part.whole {
		g.Tweets += tweets
		b.close(partition, i, state, by)
		return
	}
	b.count(state, by, part.minutes)
	k.rows.Settle(span, state)
	switch {
	case part.keeps:
		g.Tweets += tweets
	case part.own:
		done := *g
		done.Gap = ledger.Gap{Partition: g.Partition, Span: span, State: state, Cause: g.Cause, FilledBy: by, Tweets: tweets}
		b.tell(&done.Gap)
		k.done = append(k.done, done.Record())
	}
	b.leave(k, i, &part)
}

// leave leaves of gap i what is before the part that was taken, and what is behind it.
func (b *Book) leave(k *part, i int, part *cutting) {
	g := k.gaps[i]
	dark := g.Dark
	switch {
	case !part.front.Empty():
		g.Span, g.Dark = part.front, false
		b.change(g)
		if part.back.Empty() {
			return
		}
		rest := *g
		rest.told, rest.saved, rest.Tweets = lastTold{}, ledger.GapRecord{}, 0
		k.gaps = slices.Insert(k.gaps, i+1, &rest)
		g = &rest
	case !part.keeps:
		g.Tweets = 0
	}
	g.Span, g.Dark = part.back, dark
	b.change(g)
}

// close takes gap i off the list, all of it.
func (b *Book) close(partition, i int, state ledger.GapState, by string) {
	k := &b.parts[partition]
	g := k.gaps[i]
	k.gaps = append(k.gaps[:i:i], k.gaps[i+1:]...)
	g.State, g.FilledBy = state, by
	b.count(state, by, minutesIn(g.Span))
	k.rows.Settle(g.Span, state)
	b.tell(&g.Gap)
	k.done = append(k.done, g.Record())
}

func (b *Book) count(state ledger.GapState, by string, minutes int64) {
	switch {
	case state == ledger.GapLost:
		b.lost += minutes
	case by != Redundant:
		b.recovered += minutes
	}
}

// tweetsIn is how many Tweets of the span came, with partition or, in requests, without.
func (b *Book) tweetsIn(k *part, span timeline.Span) (n int64) {
	for m, end := span.Minutes(); m < end; m++ {
		for _, rows := range [...]*ledger.Book{k.rows, b.any} {
			if r := rows.Find(m); r != nil {
				n += r.Within(m, span)
			}
		}
	}
	return n
}
