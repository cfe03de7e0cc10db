package gap

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Gap is one that is not settled, and who was asked to fill it.
type Gap struct {
	ledger.Gap
	Since    time.Time // our time of the last sound record
	Asked    int64     // id time from which the backfill of who was asked was promised
	JudgedAt time.Time // when it was last looked whether that came; zero: never since it was asked
	Full     bool      // X cut us for slowness at last: it gives no backfill then (X: Disconnections explained)

	asker    int      // 1 and the index of the connection that was asked and has not ended since, 0: none
	opened   int64    // Unix ns
	requests int64    // how often its minutes were asked for
	told     lastTold // as it was last reported
	saved    ledger.GapRecord
}

// lastTold is what the last report of a gap said: only changes are reported.
type lastTold struct {
	first, end timeline.Minute
	state      ledger.GapState
}

// Asker is the index of the connection that was asked to fill the gap.
func (g *Gap) Asker() (index int, asked bool) { return g.asker - 1, g.asker != 0 }

// Abandon says that what the asker may still bring is not waited for.
func (g *Gap) Abandon() { g.asker = 0 }

// Record is the gap as it is stored.
func (g *Gap) Record() ledger.GapRecord {
	return ledger.GapRecord{Partition: g.Partition, Span: g.Span, State: g.State, Cause: g.Cause, FilledBy: g.FilledBy,
		Tweets: g.Tweets, Dark: g.Dark, Opened: g.opened, Asked: g.requests}
}

// maxAskDelay is how much later than we reckon X may count the minutes of a backfill: the request has to get there.
const maxAskDelay = 2 * time.Second

// AskDelay is what of that is no margin in the gap. Of the settle time at the beginning of a gap all Tweets have come as a
// rule; but what a killed process wrote last was perhaps never read, so that each of them may be missing.
func (g *Gap) AskDelay() time.Duration {
	if g.Cause == ledger.CauseCrash {
		return maxAskDelay
	}
	return 0
}

// promise notes from when on a backfill that reaches back to reach brings everything. X counts from its own clock,
// which runs some seconds ahead of the newest Tweet, and from when it took the request. For a gap that began within
// what was asked, the settle time in it is margin enough; of one that reaches beyond, the first seconds are not
// relied on.
func (g *Gap) promise(reach int64) {
	if g.Span.From < reach+g.AskDelay().Milliseconds() {
		reach += timeline.Settle.Milliseconds()
	}
	g.Asked = reach
}

// Promises reports whether backfill may still bring the minute as asked; it begins within one, which is not whole by it.
func (g *Gap) Promises(m timeline.Minute) bool {
	return g.asker != 0 && g.JudgedAt.IsZero() && m >= timeline.CeilMinute(g.Asked)
}

// cutFor reports whether X gives no backfill after an end of that class.
func cutFor(cause string) bool { return cause == xapi.FullBuffer }
