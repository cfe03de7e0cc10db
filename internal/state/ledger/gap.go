package ledger

import "github.com/decahose/telegraf-decahose/internal/timeline"

// GapState is where a gap stands.
type GapState uint8

const (
	GapOpen      GapState = iota // known, nothing asked
	GapRequested                 // a backfill was asked for
	GapRecovered                 // filled
	GapLost                      // can no longer be filled
)

var gapStateNames = [...]string{"open", "requested", "recovered", "lost"}

func (s GapState) String() string { return gapStateNames[s] }

// Gap is a span of Tweet time in which no connection to the partition was sound. It is reported in
// whole minutes and identified by partition and first minute.
type Gap struct {
	Partition int
	Span      timeline.Span // exact; To grows while the partition is dark
	State     GapState
	Cause     string // class of the end that opened it
	FilledBy  string // redundant, backfill, …; empty while open
	Tweets    int64  // recovered so far
	Dark      bool   // the partition is still without a sound connection: Span.To is not known yet
}

// Same reports whether both are states of one gap: same partition and first minute.
func (g *Gap) Same(o Gap) bool {
	return g.Partition == o.Partition && timeline.MinuteOf(g.Span.From) == timeline.MinuteOf(o.Span.From)
}

// Minutes are the first minute of the gap and the first one after it.
func (g *Gap) Minutes() (first, end timeline.Minute) {
	first, end = g.Span.Minutes()
	return first, max(end, first+1)
}
