package core

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/dedup"
	"github.com/decahose/telegraf-decahose/internal/ledger"
	"github.com/decahose/telegraf-decahose/internal/point"
	"github.com/decahose/telegraf-decahose/internal/snowflake"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/tweet"
	"github.com/decahose/telegraf-decahose/internal/wire"
)

// settle is how far the last records before a cut are not trusted: some may have been on their way.
// It is also part of each backfill (interface: ceil((outage + 10 s) / 60 s)).
const settle = 10 * time.Second

// chore is how often minutes are closed, gaps judged and ids forgotten.
const chore = time.Second

// idsMost bounds the ids in memory, at about 7 bytes each: a window of 60 minutes at 25 times the
// usual rate.
const idsMost = 64 << 20

// Kind of an Event.
type Kind uint8

const (
	Tick     Kind = iota // time passed
	Opened               // Conn got response headers with status 200
	Received             // Conn delivered Batch
	Silent               // Conn has delivered bytes but no Tweet for SilenceTimeout
	Ended                // Conn ended, see End
	Written              // Postings were written out
	Poll                 // counters are wanted
	Stop                 // no more connects; the engine ends the connections
	Final                // everything was written: the last counters, open minutes as they stand
)

// Event is one thing that happened. Conn is an index into Core.Conns.
type Event struct {
	Kind     Kind
	Conn     int
	Batch    *wire.Batch // read, not kept
	End      End
	Postings []Posting
	Full     bool // the sink takes no points now: hold them back
}

// End says why a connection ended (stream.End, without what the core has no use for).
type End struct {
	Class   string
	Status  int
	Message string
	Opened  bool
	Detail  string // the transport's own words, for the operator
}

// Posting is how many Tweets of one partition and minute were handed to the sink.
type Posting struct {
	Partition int // index into Config.Partitions
	Minute    timeline.Minute
	Tweets    int64
}

// Ready is what the engine must do, in this order: Close, Tweets and Points to the sink, Connect.
// It is valid until the next Step, which reuses it.
type Ready struct {
	Close   []Close
	Tweets  []tweet.Tweet // their bytes point into the event's batch and the core's own arena
	Posted  []Posting     // of Tweets; comes back as Written
	Points  []point.Point
	Connect []Connect
	Notes   []Note
	Wake    time.Time // a Tick is due then, if nothing happens before
}

// Connect asks for a connection, with so many minutes of backfill.
type Connect struct {
	Conn     int
	Backfill int
}

// Close asks for the end of a connection; Class comes back in its End.
type Close struct {
	Conn  int
	Class string
}

func (r *Ready) reset() {
	r.Close, r.Tweets, r.Posted = r.Close[:0], r.Tweets[:0], r.Posted[:0]
	r.Points, r.Connect, r.Notes = r.Points[:0], r.Connect[:0], r.Notes[:0]
}

// Core is the judge of one stream. The engine's one goroutine owns it.
type Core struct {
	cfg        Config
	partitions []*partition
	conns      []*conn // connection 0 of each partition first: X cuts the newest when there are too many
	ids        *dedup.Set
	parser     *tweet.Parser
	clock      clock
	budget     budget
	jitter     jitter
	quiet      pause // of replacing silent connections while the whole stream is silent
	limited    hold  // after 420 and 429
	outage     hold  // while X cannot be reached
	trouble    hold  // while X answers 5xx
	quarantine quarantine
	doubts     map[snowflake.ID]int // Tweets that came broken, and by which connection

	emitted, collisions           int64
	minutesRecovered, minutesLost int64

	now      time.Time
	out      *Ready
	choreAt  time.Time
	tellAt   time.Time // the next scan for minutes to report again
	stopping bool
	changed  []ledger.Gap // gaps to report
}

// New returns the core of one stream. Step it with a Tick to begin.
func New(cfg Config) *Core {
	c := &Core{
		cfg:    cfg,
		ids:    dedup.New(cfg.DedupWindow),
		parser: tweet.NewParser(cfg.Tweets == TweetsRaw),
		budget: budget{limit: cfg.ConnectLimit, period: cfg.ConnectPeriod},
		jitter: newJitter(cfg.Seed),
		doubts: make(map[snowflake.ID]int),
	}
	c.ids.SetLimit(idsMost)
	for i, id := range cfg.Partitions {
		c.partitions = append(c.partitions, &partition{index: i, id: id, book: ledger.NewBook(id)})
	}
	for k := range cfg.Connections {
		for _, p := range c.partitions {
			n := &conn{Conn: Conn{p.id, k}, index: len(c.conns), part: p}
			c.conns = append(c.conns, n)
			p.conns = append(p.conns, n)
		}
	}
	return c
}

// Conns names the connections that the indices of events and Ready mean.
func (c *Core) Conns() []Conn {
	names := make([]Conn, len(c.conns))
	for i, n := range c.conns {
		names[i] = n.Conn
	}
	return names
}

// Step folds one event into the book and fills out with what is to be done.
func (c *Core) Step(now time.Time, ev Event, out *Ready) {
	out.reset()
	c.now, c.out = now, out
	switch ev.Kind {
	case Opened:
		c.opened(c.conns[ev.Conn])
	case Received:
		c.received(c.conns[ev.Conn], ev.Batch)
	case Silent:
		c.silent(c.conns[ev.Conn])
	case Ended:
		c.ended(c.conns[ev.Conn], ev.End)
	case Written:
		c.written(ev.Postings)
	case Stop:
		c.stopping = true
	}
	if !now.Before(c.choreAt) || ev.Kind == Final {
		c.choreAt = now.Add(chore)
		c.chores()
	}
	if ev.Kind != Received {
		c.connect()
	}
	c.report(ev)
	out.Wake = c.wake()
}

// chores are what time alone brings about.
func (c *Core) chores() {
	c.ids.Expire(c.now)
	if !c.clock.set() {
		return
	}
	for _, p := range c.partitions {
		c.openMinutes(p)
	}
	c.closeMinutes()
	for _, p := range c.partitions {
		c.judgeHoles(p)
		p.forget(c.clock.at(c.now), c.cfg.RecoveryHorizon)
	}
}

// written posts what came back from the sink.
func (c *Core) written(postings []Posting) {
	for _, p := range postings {
		r := c.partitions[p.Partition].book.Row(p.Minute)
		r.Emitted += p.Tweets
		r.Touch()
		c.emitted += p.Tweets
	}
}

func (c *Core) wake() time.Time {
	at := c.choreAt
	for _, n := range c.conns {
		if n.state == waiting && !c.stopping && n.due.After(c.now) && n.due.Before(at) {
			at = n.due
		}
	}
	return at
}

// Quarantined are samples of records that were not valid, for the operator; the newest last.
func (c *Core) Quarantined() []Sample { return c.quarantine.samples() }
