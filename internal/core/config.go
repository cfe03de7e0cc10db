package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// Backfill is the option backfill.
type Backfill uint8

const (
	BackfillAuto   Backfill = iota // minutes computed from the outage
	BackfillAlways                 // 5 on each connect
	BackfillNone                   // not bought
)

// Tweets is the option tweets.
type Tweets uint8

const (
	TweetsFields Tweets = iota // parsed and emitted
	TweetsRaw                  // the same, and the record itself as field raw
	TweetsNone                 // counted only
)

// Config of one stream.
type Config struct {
	StreamLabel    string
	Version        string // of this program, for the metrics; empty: not told
	Partitions     []int
	Connections    int // redundant connections to each partition
	ConnectLimit   int // attempts in any ConnectPeriod, all connections together
	ConnectPeriod  time.Duration
	ConnectTimeout time.Duration // that those below have for an attempt up to its header; 0: they have none, nor is any end overdue
	Backfill       Backfill
	DedupWindow    time.Duration
	SilenceTimeout time.Duration // 0: silence is not judged
	Recovery       refill.Rules  // how minutes are had that backfill cannot reach; Horizon holds for all methods
	RecoveryHost   string        // that Replay or Recovery is asked at, for the log; empty: not told
	Archives       []refill.Copy // of other sites; asked before Recovery
	Tweets         Tweets
	Interval       time.Duration // least time between two revisions of one volume minute
	Seed           uint64        // of jitter
	FalseAlarms    float64       // statistical alarms without a reason, per day; 0: there are none at all

	State      bool          // there is a store: intents wait until they are durable
	Past       *ledger.Past  // what it remembers; nil or zero: a first start
	Started    ledger.Moment // now, as a Moment: compared with Past's
	FactsEvery time.Duration // how often facts are made durable; 0: 5 s
	Offline    bool          // no live connections: only what an Order asks for

	Acknowledged bool // the outputs' word is awaited: what is safe need not settle, and Delivered events come
	Feedback     bool // Reported events come: what Telegraf holds in its buffers has not settled
}

// Conn names one connection: Index counts from 0 within its partition.
type Conn struct{ Partition, Index int }

// Level of a Note.
type Level byte

const (
	Error Level = 'E'
	Warn  Level = 'W'
	Info  Level = 'I'
	Debug Level = 'D'
)

// Note is one line for the operator. Text never holds a payload or a credential.
type Note struct {
	Level Level
	Text  string
}
