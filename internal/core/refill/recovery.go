package refill

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// Method is how minutes that backfill cannot reach are had.
type Method uint8

const (
	None     Method = iota // not at all
	Replay                 // one request carries all partitions; digits-only UTC dates
	Recovery               // the realtime stream with a time range
	Archive                // what another site stored; no request to X
)

var names = [...]string{"none", "replay", "recovery", "archive"}

func (m Method) String() string { return names[m] }

// Rules of one method, as X has them or the user set them.
type Rules struct {
	Method      Method
	Window      time.Duration // longest range of one request
	Delay       time.Duration // how old, from its end, a minute must be
	Horizon     time.Duration // how old, from its start, a minute may be
	Jobs        int           // requests at once
	Limit       int           // requests in any Period
	Period      time.Duration
	ByPartition bool // a request names one partition; Replay never does
}

// Request asks for the minutes [From, To) of a partition, 0: of all.
type Request struct {
	Partition int
	From, To  timeline.Minute
}

// Missing are the minutes of one partition that may be asked for: whole minutes only.
type Missing struct {
	Partition int
	Minutes   timeline.Set
	Undecided timeline.Set // minutes that may have to be asked for soon: a backfill may bring them, or the gap goes on
}
