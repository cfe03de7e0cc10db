package volume

import "github.com/decahose/telegraf-decahose/internal/timeline"

// FalseAlarms is the default of Config.FalseAlarms: one in a hundred days.
const FalseAlarms = 0.01

// Config says what a Judge judges. It is not changed afterwards.
type Config struct {
	Partitions  []int   // the partitions of this instance, in the order of Minute.Parts
	Connections int     // redundant connections to each partition, 1 to 4
	FalseAlarms float64 // per day, all statistical alarms of the stream together; 0: the default; less: no such alarms, levels nor empty seconds
}

// Part is what one partition brought in one closed minute of stream (Tweet id) time.
type Part struct {
	Unique    int64       // distinct Tweets of live connections and backfill
	Seconds   *[60]uint16 // the same by second of id time, saturating; nil: not known
	Histories []int64     // distinct Tweets of the live connections by the set of connections that delivered them before the minute closed: the index is a bit mask over connections, [0] is not used; nil: not known
	Covered   int64       // milliseconds of the minute in which at least one connection was sound, or a verified backfill
	Emitted   int64       // of Unique, handed to the sink by now
	Delivered int64       // of Emitted, accepted by every output by now; means something if Tracked
	Tracked   bool        // the outputs say what they accepted
	Missed    []int64     // by connection: Tweets that only others delivered; nil: not known, or not to be judged
	Back      bool        // a connection delivers as the minute closes, so what was dark is not dark any more
}

// whole says that all of the minute was covered, so that what is not there is not in a gap either.
func (p *Part) whole() bool { return p.Covered >= timeline.MinuteMilli }

// Minute is a closed minute. Its Parts are in the order of Config.Partitions.
type Minute struct {
	Minute timeline.Minute
	Parts  []Part
}

// Level is how full a minute is against what history lets expect.
type Level string

// The levels.
const (
	Learning Level = "learning" // too little history to say
	Partial  Level = "partial"  // not covered in full, so not judged: that is a gap, and known as such
	Normal   Level = "normal"
	Low      Level = "low"
	High     Level = "high"
)

// Grade is what is to be said of one partition in one minute, or of all partitions together.
type Grade struct {
	Level        Level
	Expected     float64  // Tweets, as history lets expect for a whole minute; 0 while there is none
	Score        float64  // how many standard deviations above (+) or below (-) Expected; 0 unless judged
	Missed       Estimate // Tweets that no live connection delivered
	EmptySeconds int64    // seconds of id time without a Tweet where that means loss; -1: not known, or it would mean nothing
}

// Kind is the layer that is wrong.
type Kind string

// The kinds. Others may be given to Judge.Outside.
const (
	X         Kind = "x"         // all partitions and connections fall together: X, or the road to it that all of them share
	Network   Kind = "network"   // a connection misses what others deliver
	Partition Kind = "partition" // one partition falls, or is dark, and the others do not
	Us        Kind = "us"        // what was received is not what was emitted
	Sink      Kind = "sink"      // what was emitted is not what was delivered or stored
)

// Severity is how much it matters.
type Severity string

// The severities: some Tweets are missing, or most of them are.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Evidence is a figure that an alarm rests on. Its key becomes a field of a metric: lower case, with underscores.
type Evidence struct {
	Key   string
	Value float64
}

// Alarm is one thing that is wrong, or was. Kind and Partition identify it: there is one of a kind for a partition.
type Alarm struct {
	Kind       Kind
	Partition  int // 0: all
	Connection int // the connection that is worst; -1: it is of none
	Active     bool
	Severity   Severity
	Message    string          // one line
	Since      timeline.Minute // when it became active; kept when it ends
	Evidence   []Evidence      // as of when it became active, rose, or ended
}

// Verdict is what a closed minute leads to.
type Verdict struct {
	Parts  []Grade // in the order of Config.Partitions
	All    Grade
	Alarms []Alarm // those that became active, rose in severity or ended now
}
