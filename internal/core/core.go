package core

import (
	"cmp"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/clock"
	"github.com/decahose/telegraf-decahose/internal/core/fill"
	"github.com/decahose/telegraf-decahose/internal/core/gap"
	"github.com/decahose/telegraf-decahose/internal/core/inflight"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/core/report"
	"github.com/decahose/telegraf-decahose/internal/core/seen"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const settle = timeline.Settle

// chore is how often minutes are closed, gaps judged and ids forgotten.
const chore = time.Second

// IDsMost bounds, in bytes, the ids that a stream keeps in memory.
func IDsMost(cfg Config) int64 { return seen.MaxBytes(window(cfg)) }

// Kind of an Event.
type Kind uint8

const (
	Tick      Kind = iota // time passed
	Opened                // Conn got response headers with status 200
	Received              // Conn delivered Batch
	Silent                // Conn has delivered bytes but no Tweet for SilenceTimeout
	Read                  // Conn, which reads an archive, has brought what that has of Minute; with Err, not all of it
	Ended                 // Conn ended, see End
	Written               // the next so many Tweets, in their order, are safe: written out, delivered, or in the spool
	Delivered             // the outputs have accepted Sent, and will never accept Refused
	Reported              // Telegraf says how its buffers are, see Report
	Committed             // the commit under way is durable, or, with Err, is not
	Loaded                // the ids of Minute were read, as far as they could be
	Ordered               // operators want Orders
	Poll                  // counters are wanted
	Stop                  // no more connects; the engine ends the connections
	Final                 // everything was written: the last counters, open minutes as they stand
)

// Event is one thing that happened. Conn is an index into Core.Conns, or that of an Ask.
type Event struct {
	Kind   Kind
	Conn   int
	Batch  *wire.Batch // read, not kept
	End    End
	Full   bool // the sink takes no points now: hold them back
	Behind bool // the outputs do not keep up: what can be had later is left there
	Unread bool // what connections bring is not taken now: their ends may have come
	// UnreadRequests says the same of requests, which give way to connections.
	UnreadRequests bool
	Wall           int64 // Unix ns of this host's clock, 0: that of now

	Tweets  int64           // of Written
	Sent    []ledger.Sent   // of Delivered; read, not kept
	Refused []ledger.Sent   // of Delivered; read, not kept
	Report  feedback.Report // of Reported
	Road    report.Road     // how the delivery stands; with Poll and Final

	Err     string          // of Committed, Loaded and Read; empty: none
	Bytes   int64           // of Committed: what the state takes on disk
	Minute  timeline.Minute // of Loaded and Read
	IDs     []snowflake.ID  // of Loaded; read, not kept
	Orders  []ledger.Order
	Drained bool // of Final: the reader of the output has read it all
}

// End says why a connection ended (stream.End, without what the core has no use for).
type End struct {
	Class   string
	Status  int
	Message string
	Opened  bool
	Detail  string // the transport's own words, for the operator
}

// Ready is what the engine must do, in this order: Close, Tweets and Points to the sink, Load and Commit, Connect
// and Requests. It is valid until the next Step, which reuses it; a Commit is given away.
type Ready struct {
	Wait     bool // the event was not taken: bring it, and what its connection sends after it, when all of Load came
	Close    []Close
	Tweets   []tweet.Tweet // their bytes point into the event's batch and the core's own arena
	From     []int32       // the partition of each of Tweets, ledger.AnyPartition where it is not known
	Points   []point.Point
	Load     []timeline.Minute
	Commit   *ledger.Commit // nil: none
	Connect  []Connect
	Requests []Ask
	Feedback *feedback.Effect // nil: no report came
	Notes    []Note
	Wake     time.Time // a Tick is due then, if nothing happens before
}

// Connect asks for a connection, with so many minutes of backfill.
type Connect struct {
	Conn     int
	Backfill int
}

// Ask asks for a request to Replay or Recovery, or for the reading of an archive. Conn is the index for its events.
type Ask struct {
	Conn    int
	Query   refill.Request
	Archive int // index into Config.Archives; X: it is a request to Replay or Recovery
}

// X is no archive, see Ask.
const X = -1

// Close asks for the end of a connection; Class comes back in its End. With Leave the core has given it up: nothing that
// it sends may be brought any more.
type Close struct {
	Conn  int
	Class string
	Leave bool
}

func (r *Ready) reset() {
	clear(r.Tweets) // each holds on to the whole batch that it points into, and may not be overwritten for long
	r.Close, r.Tweets, r.From = r.Close[:0], r.Tweets[:0], r.From[:0]
	r.Points, r.Connect, r.Notes = r.Points[:0], r.Connect[:0], r.Notes[:0]
	r.Wait, r.Load, r.Commit, r.Requests = false, r.Load[:0], nil, r.Requests[:0]
	r.Feedback = nil
}

// Core is the judge of one stream. The engine's one goroutine owns it.
type Core struct {
	cfg        Config
	partitions []*partition
	gaps       *gap.Book
	any        *partition // account of records whose partition is not known
	conns      []*conn    // connection 0 of each partition first: X cuts the newest when there are too many
	seen       *seen.IDs
	bounds     seen.Bounds // the minutes that the stream may be at
	parser     *tweet.Parser
	clock      clock.Clock
	attempts   attempts
	quarantine quarantine

	inFlight inflight.Queue
	accepted accepted
	durable  durable
	ways     refill.Ways
	requests requests
	archives archives
	volumes  *report.Volumes
	backlog  report.Backlog
	alarms   report.Alarms
	watchAt  time.Time // the next look for what is wrong besides the volumes
	repairs  repairs
	fills    fill.Marks
	scale    fill.Scale

	emitted, collisions int64

	now      time.Time
	wall     int64     // Unix ns of this host's clock
	begun    time.Time // the first Step
	wasClean bool      // the last process ended in order
	behind   bool      // the outputs do not keep up
	out      *Ready
	choreAt  time.Time
	forgetAt time.Time
	unreadAt time.Time // when connections' events were last not taken
	// unreadRequestsAt is the same of requests.
	unreadRequestsAt time.Time
	tellAt           time.Time // the next scan for minutes to report again
	stopping         bool
}

// New returns the core of one stream. Step it with a Tick to begin.
func New(cfg Config) *Core {
	c := &Core{
		cfg:    cfg,
		seen:   seen.New(window(cfg), cfg.State),
		parser: tweet.NewParser(cfg.Tweets == TweetsRaw),
		clock:  clock.New(len(cfg.Partitions) * cfg.Connections),
	}
	connections := cfg.Connections
	if cfg.Offline {
		connections = 0
	}
	for i, id := range cfg.Partitions {
		c.partitions = append(c.partitions, &partition{index: i, id: id, book: ledger.NewBook(id, connections)})
	}
	c.any = &partition{index: len(c.partitions), book: ledger.NewBook(ledger.AnyPartition, 0)}
	var rows []*ledger.Book
	for _, p := range c.partitions {
		rows = append(rows, p.book)
	}
	c.gaps = gap.New(rows, c.any.book)
	c.durable.on = cfg.State
	c.cfg.FactsEvery = cmp.Or(cfg.FactsEvery, factsEvery)
	c.repairs, c.fills = make(repairs), fill.NewMarks()
	for k := range connections {
		for _, p := range c.partitions {
			n := &conn{Conn: Conn{p.id, k}, index: len(c.conns), part: p}
			c.conns = append(c.conns, n)
			p.conns = append(p.conns, n)
		}
	}
	c.attempts = newAttempts(c.conns, cfg)
	c.ways = refill.Ways{Archives: cfg.Archives, Rules: cfg.Recovery}
	if cfg.Backfill != BackfillNone {
		c.ways.Backfill = xapi.MaxBackfill
	}
	c.newRequests()
	c.newArchives()
	c.volumes = report.NewVolumes(cfg.Partitions, connections, cfg.FalseAlarms)
	c.scale = fill.Scale{Rows: rows, Any: c.any.book, Gaps: c.gaps, History: c.volumes.History, Season: c.volumes.Expected, Live: liveBy(c.partitions)}
	c.backlog = report.NewBacklog(&c.inFlight)
	return c
}

// windowLeast keeps ids in memory until they are in the store, where it is asked for them.
const windowLeast = 2 * time.Minute

func window(cfg Config) time.Duration {
	if cfg.State {
		return max(cfg.DedupWindow, windowLeast)
	}
	return cfg.DedupWindow
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
	c.attempts.now = now
	c.now, c.out, c.wall, c.behind = now, out, cmp.Or(ev.Wall, now.UnixNano()), ev.Behind
	c.bound()
	if c.begun.IsZero() {
		c.begin()
	}
	if ev.Kind == Received && c.seen.Awaits(ev.Batch) {
		out.Wait, out.Load = true, c.seen.TakeWanted(out.Load)
		out.Wake = c.wake()
		return
	}
	c.fold(ev)
	due := !now.Before(c.choreAt) || ev.Kind == Final
	if due {
		c.choreAt = now.Add(chore)
		c.watchEnds(ev)
		c.chores()
	}
	if ev.Kind != Received || due { // a busy stream leaves no room for Ticks
		c.connect()
		c.request()
		c.persist(ev)
	}
	out.Load = c.seen.TakeWanted(out.Load)
	c.report(ev)
	out.Wake = c.wake()
}

// fold posts the event.
func (c *Core) fold(ev Event) {
	switch ev.Kind {
	case Opened, Received, Silent, Read, Ended:
		c.heard(ev)
	case Written:
		c.written(int(ev.Tweets))
	case Delivered:
		c.delivered(ev.Sent, ev.Refused)
	case Reported:
		c.reported(ev.Report)
	case Committed:
		c.committed(ev)
	case Loaded:
		c.loaded(ev.Minute, ev.IDs, ev.Err)
	case Ordered:
		c.ordered(ev.Orders)
	case Stop:
		c.stopping = true
	}
}

// heard folds what a connection, or a request, says.
func (c *Core) heard(ev Event) {
	if ev.Conn >= len(c.conns) {
		c.heardRequest(c.requestConn(ev.Conn-len(c.conns)), ev)
		return
	}
	n := c.conns[ev.Conn]
	switch ev.Kind {
	case Opened:
		c.opened(n)
	case Received:
		c.received(n, ev.Batch)
	case Silent:
		c.silent(n)
	case Ended:
		c.ended(n, ev.End)
	}
}

// chores are what time alone brings about.
func (c *Core) chores() {
	c.seen.Expire()
	c.giveUpLoads()
	c.watch()
	c.tellDark()
	if !c.clock.Set() {
		return
	}
	if !c.durable.on {
		c.saved()
	}
	for _, p := range c.partitions {
		c.openMinutes(p)
	}
	c.closeMinutes()
	for _, p := range c.partitions {
		c.judgeHoles(p)
	}
	c.forget()
}

// forget drops what is too old to matter. It looks at every minute of the horizon, so not at each chore.
func (c *Core) forget() {
	if c.now.Before(c.forgetAt) {
		return
	}
	c.forgetAt = c.now.Add(time.Minute)
	for i := range len(c.partitions) + 1 {
		c.at(i).forget(c.keep())
		c.at(i).countOdd(&c.bounds)
	}
	c.seen.ForgetBefore(c.keep())
	c.gaps.ForgetBefore(c.keep())
	c.volumes.Forget()
	if !c.clock.Guessed() { // a wrong clock of this host must not throw anything away
		c.volumes.History.Forget(timeline.MinuteOf(c.clock.Sure(c.now)) - ledger.HistoryMinutes)
	}
	for _, id := range c.repairs.forget(c.keep()) {
		c.seen.Retake(id)
	}
	c.fills.ForgetBefore(c.keep())
}

// saved counts rows as stored where there is no store, so that they may be forgotten.
func (c *Core) saved() {
	for i := range len(c.partitions) + 1 {
		c.at(i).book.Unsaved(func(_ timeline.Minute, r *ledger.Row) { r.Saved(true) })
	}
}

// at is the account of an index.
func (c *Core) at(index int) *partition {
	if index == c.any.index {
		return c.any
	}
	return c.partitions[index]
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
