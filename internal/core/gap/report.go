package gap

import (
	"slices"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// change queues the new state of a gap that is not settled, if a report would say anything new.
func (b *Book) change(g *Gap) {
	first, end := g.Minutes()
	if g.Dark {
		end = max(end, timeline.CeilMinute(b.present))
	}
	told := lastTold{first, end, g.State}
	if told == g.told {
		return
	}
	b.changes++
	g.told = told
	b.tell(&g.Gap)
}

func (b *Book) tell(g *ledger.Gap) { b.changed = append(b.changed, *g) }

// Grown tells of gaps that go on how long they are now.
func (b *Book) Grown(partition int) {
	for _, g := range b.parts[partition].gaps {
		b.change(g)
	}
}

// Changes is how often gaps that are not settled changed.
func (b *Book) Changes() uint64 { return b.changes }

// TakeChanged are the gaps that changed since they were reported, each as it is now.
func (b *Book) TakeChanged() (all []ledger.Gap) {
	for i := range b.changed {
		if !slices.ContainsFunc(b.changed[i+1:], b.changed[i].Same) { // else it changed again at once
			all = append(all, b.changed[i])
		}
	}
	b.changed = b.changed[:0]
	return all
}

// TakeRecords are the gaps of a partition that are to be stored. What ended comes first: a gap that took an old name over
// comes later.
func (b *Book) TakeRecords(partition int) []ledger.GapRecord {
	k := &b.parts[partition]
	all := k.done
	k.done = nil
	for _, g := range k.gaps {
		if r := g.Record(); r != g.saved {
			g.saved = r
			all = append(all, r)
		}
	}
	return all
}

// Return takes back what could not be stored.
func (b *Book) Return(records []ledger.GapRecord) {
	for i := range b.parts {
		k := &b.parts[i]
		var mine []ledger.GapRecord
		for _, r := range records {
			if r.Partition == k.rows.Partition {
				mine = append(mine, r)
			}
		}
		k.done = append(mine, k.done...)
	}
}

// Drop forgets what is to be stored: there is no store.
func (b *Book) Drop() {
	for i := range b.parts {
		b.parts[i].done = nil
	}
}

// ForgetBefore drops what was filled of minutes that are older than anything may still be asked for.
func (b *Book) ForgetBefore(m timeline.Minute) {
	for i := range b.parts {
		b.parts[i].filled.Forget(m.Milli())
	}
}
