package gap

import (
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Ask says that a connection, by index, asks for backfill back to that id time.
func (b *Book) Ask(partition, connection int, reach int64) {
	for _, g := range b.parts[partition].gaps {
		if g.Dark || g.Span.To > reach {
			g.asker = connection + 1
			g.promise(reach)
		}
	}
}

// Promise corrects how far back the connection's backfill reaches.
func (b *Book) Promise(partition, connection int, reach int64) {
	for _, g := range b.askedOf(partition, connection) {
		g.promise(reach)
	}
}

// Requested notes that X took the connection's request for what it asks.
func (b *Book) Requested(partition, connection int) {
	for _, g := range b.askedOf(partition, connection) {
		b.request(g)
	}
}

// RequestedIn notes that the minutes of a span are asked for by a request.
func (b *Book) RequestedIn(partition int, s timeline.Span) {
	for _, g := range b.parts[partition].gaps {
		if !b.Whole(g).Intersect(s).Empty() {
			b.request(g)
		}
	}
}

func (b *Book) request(g *Gap) {
	g.State = ledger.GapRequested
	g.requests++
	b.change(g)
}

// askedOf are the gaps that the connection was asked to fill.
func (b *Book) askedOf(partition, connection int) (all []*Gap) {
	for _, g := range b.parts[partition].gaps {
		if g.asker == connection+1 {
			all = append(all, g)
		}
	}
	return all
}

// Release takes from the connection, which ended, the gaps that it was asked to fill and did not.
func (b *Book) Release(partition, connection int) {
	for _, g := range b.askedOf(partition, connection) {
		g.asker = 0
	}
}

// Unask says of gaps that nobody is asked for them any more, as far as requests do not: asked knows, by partition's number.
func (b *Book) Unask(asked func(partition int, s timeline.Span) bool) {
	for i := range b.parts {
		for _, g := range b.parts[i].gaps {
			judged := g.asker == 0 || !g.JudgedAt.IsZero()
			if g.State == ledger.GapRequested && judged && !asked(g.Partition, b.Whole(g)) {
				g.State = ledger.GapOpen
				b.change(g)
			}
		}
	}
}
