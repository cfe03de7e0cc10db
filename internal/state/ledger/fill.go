package ledger

import (
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// FillState is what is known of how full a minute is that a source filled.
type FillState uint8

const (
	FillFull     FillState = iota // it holds what it should
	FillUnproven                  // nothing says how many Tweets there should be, or they are too few to tell
	FillDoubted                   // it holds too little, and is asked for again
	FillThin                      // it holds too little though it was asked for three times: it stands as recovered
)

var fillStateNames = [...]string{"full", "unproven", "doubted", "thin"}

func (s FillState) String() string { return fillStateNames[s] }

// FillRecord is what is known of a minute that was filled, of all partitions together. One that is full has none.
type FillRecord struct {
	Minute   timeline.Minute
	State    FillState
	By       string // the source: replay, recovery, backfill
	Held     int64  // Tweets of what was missing that are there
	Expected int64  // how many there should be; 0: not known
	Times    int64  // how often it was asked for and held too little
	At       int64  // Unix ns of the last judgement
}

// GoneRecord are the Tweets of one minute that a store lacks and that a whole Replay did not bring: X has them no longer.
type GoneRecord struct {
	Minute timeline.Minute
	IDs    []snowflake.ID // sorted
}
