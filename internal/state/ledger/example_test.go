package ledger_test

import (
	"fmt"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// A minute of which ten seconds were missed, and were had again.
func ExampleBook() {
	b := ledger.NewBook(1, 2)
	m := timeline.Minute(29_500_000)
	b.Row(m).PostUnique(m.Milli()+5_000, 400)
	b.Row(m).PostDuplicate(ledger.Redundant, 400)
	all := func(timeline.Minute) bool { return true }
	b.Close(all, func(timeline.Minute, *ledger.Row) {})
	fmt.Println(b.StateOf(m, false))

	missed := timeline.Span{From: m.Milli() + 10_000, To: m.Milli() + 20_000}
	b.Row(m).PostUnique(missed.From+1, 400)
	b.Settle(missed, ledger.GapRecovered)
	fmt.Println(b.StateOf(m, true), b.Row(m).Unique, "unique,", b.Row(m).Late, "of them late, balanced:", b.Row(m).Balanced())
	// Output:
	// gap
	// recovered 2 unique, 1 of them late, balanced: true
}

// Digests of disjoint sets add up, so that two sides can compare what they hold of a minute.
func ExampleDigest() {
	fmt.Println(ledger.Digest(1, 2, 3) == ledger.Digest(3)+ledger.Digest(2, 1))
	// Output: true
}
