package decasim

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// Mode is how a connection ends.
type Mode string

const (
	ModeEOF   Mode = "eof"   // TCP closed in the middle of the body
	ModeRST   Mode = "rst"   // reset; on a pipe the same as eof
	ModeHalf  Mode = "half"  // half a record, then eof
	ModeClose Mode = "close" // a final zero-length chunk, as X ends connections
)

// ending says how to end a connection, and with which last words.
type ending struct {
	mode    Mode
	message string
	reason  string // for the count of connections; the mode where empty
}

func (e ending) why() string { return cmp.Or(e.reason, string(e.mode)) }

// item is one Tweet on its way to a client.
type item struct {
	id     snowflake.ID
	record []byte // with \r\n; nil: made again when needed
	due    int64  // Unix ms at which it overtakes or is overtaken
}

// conn is one connection of a client. Its goroutine, the request's, owns everything but the fields
// behind mu; the pump hands it Tweets and wakes it.
type conn struct {
	s         *Server
	partition int
	slot      int // lowest number that was free in its partition
	ordinal   int // counts accepted connections
	minutes   int // of backfill, as asked for
	from      int64
	started   time.Time
	client    string

	mu    sync.Mutex
	queue []item
	held  int // Tweets handed over and not yet written
	full  bool
	end   *ending
	tally ConnectionCount

	wake chan struct{}
	gone chan struct{} // closed when the client hung up, after
	// farewell, how it did so, was set.
	farewell error

	job  *job      // nil: a live connection
	rest time.Time // behind mu: until then there is nothing to do, unless something is handed over

	nc       net.Conn
	out      *output
	rng      rng.Rand
	pending  []item // taken over, by due
	backfill *backfill
	filling  bool           // the last step delivered some of it and there is more
	batch    []snowflake.ID // sound records written but not flushed
	records  int            // records written but not flushed, sound or not
	target   int            // flush at so many
	oldest   time.Time      // when the first record of the batch was written
	wrote    time.Time      // last flush
	over     bool
	sound    int // sound records flushed

	unconfirmed []flushed
	dribble     []byte // what is left of the record that is being trickled
	dribbleID   snowflake.ID
	glued       bool // the last record had no \r\n: the next is not sound either
	spread      time.Duration
}

// flushed are ids that were written; over TCP that is not yet delivered.
type flushed struct {
	at  time.Time
	ids []snowflake.ID
}

// ConfirmAfter is how long after its write a record counts as sent over TCP, where a reset or a
// client's own close can still undo it.
const (
	ConfirmAfter  = 2 * time.Second
	confirmClosed = 100 * time.Millisecond // where the client closed and had read all
)

// ConnectionCount tells of one connection.
type ConnectionCount struct {
	Partition  int    `json:"partition"`
	Connection int    `json:"connection"` // its slot
	Ordinal    int    `json:"ordinal"`
	Client     string `json:"client"`
	Since      string `json:"since"`
	Backfill   int    `json:"backfill_minutes"`
	Sent       int    `json:"sent"`     // sound records, copies included
	Waiting    int    `json:"waiting"`  // Tweets handed over and not yet written
	Bytes      int64  `json:"bytes"`    // on the wire
	End        string `json:"end"`      // "" while live
	Withheld   int    `json:"withheld"` // by faults: lost or damaged
}

func (s *Server) open(w http.ResponseWriter, r *http.Request, partition, minutes int, now time.Time) {
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this server speaks HTTP/1.1 only", http.StatusHTTPVersionNotSupported)
		return
	}
	c := s.newConn(nc, r, now)
	c.partition, c.minutes = partition, minutes
	if !s.register(c, now) {
		nc.Close()
		return
	}
	c.begin(rng.SaltConnection, c.ordinal)
	defer s.unregister(c)
	c.run()
}

func (s *Server) newConn(nc net.Conn, r *http.Request, now time.Time) *conn {
	nc.SetDeadline(time.Time{})
	return &conn{s: s, nc: nc, client: r.RemoteAddr, wrote: now, started: now,
		wake: make(chan struct{}, 1), gone: make(chan struct{})}
}

// begin prepares the output of a registered connection.
func (c *conn) begin(salt uint64, ordinal int) {
	c.rng = rng.New(c.s.cfg.Seed, salt, uint64(ordinal))
	c.out = newOutput(c.nc, &c.s.cfg)
	c.target = c.rng.Between(c.s.cfg.FlushMin, c.s.cfg.FlushMax)
	c.s.wg.Go(c.listen)
}

// listen notices that the client hung up: it has nothing more to say.
func (c *conn) listen() {
	defer close(c.gone)
	var b [512]byte
	for c.farewell == nil {
		_, c.farewell = c.nc.Read(b[:])
	}
}

// left is the end by the client. A TCP that closed with a FIN and not with a reset had nothing unread
// left, so what it was sent some time before has arrived.
func (c *conn) left(now time.Time) {
	if c.farewell == io.EOF { //nolint:errorlint // the socket's own word
		c.confirm(now.Add(ConfirmAfter - confirmClosed))
	}
	c.note("client closed")
}

func (c *conn) run() {
	defer c.nc.Close()
	if c.out.header() != nil {
		c.broken()
		return
	}
	if c.job == nil && c.s.cfg.Faults.acceptClose(c.view(), time.Now()) {
		c.finish(ending{mode: ModeClose})
		return
	}
	for {
		if c.turn(time.Now()); c.over {
			return
		}
		if c.filling { // else, held up by a fault, it would spin until that ends
			c.nudge()
		}
		select {
		case <-c.wake:
		case <-c.gone:
			c.left(time.Now())
			return
		case <-c.s.stop:
			c.finish(ending{mode: ModeEOF})
			return
		}
	}
}

// nudge wakes the connection; never blocks.
func (c *conn) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// offer hands over a Tweet. A queue that is full is thrown away, and the connection with it.
func (c *conn) offer(it item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full {
		return
	}
	c.queue = append(c.queue, it)
	if c.held++; c.held > c.s.cfg.QueueLimit {
		c.full, c.queue = true, nil
		c.nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)) // the writer is stuck
	}
}

func (c *conn) kill(e ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.end = &e
		c.nc.SetWriteDeadline(time.Now().Add(time.Second))
	}
}

func (c *conn) dying() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end != nil || c.full
}

// take moves what was handed over into pending and says whether the connection has to end.
func (c *conn) take() (end *ending, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	disorder := int((c.s.cfg.Disorder + c.spread).Milliseconds())
	for _, it := range c.queue {
		it.due = it.id.Milli()
		if disorder > 0 {
			it.due += int64(c.rng.N(disorder))
		}
		c.pending = append(c.pending, it)
	}
	if len(c.queue) > 0 {
		slices.SortStableFunc(c.pending, func(x, y item) int { return int(x.due - y.due) })
	}
	c.queue = c.queue[:0]
	return c.end, c.full
}

// turn does what is due now, and notes when there will be something to do again.
func (c *conn) turn(now time.Time) {
	if c.job != nil {
		c.stepJob(now)
		return
	}
	c.step(now)
	rest := now
	if !c.over && c.idle() {
		rest = c.wrote.Add(c.s.cfg.HeartbeatEvery)
		if quiet := c.s.cfg.Faults.quiet(c.view(), now); quiet.Before(rest) {
			rest = quiet
		}
	}
	c.mu.Lock()
	c.rest = rest
	c.mu.Unlock()
}

func (c *conn) idle() bool {
	return len(c.pending) == 0 && len(c.unconfirmed) == 0 && c.records == 0 && c.dribble == nil && c.backfill == nil
}

// due says whether the connection has to be woken.
func (c *conn) due(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue) > 0 || c.end != nil || c.full || !now.Before(c.rest)
}

// step does what is due now on a live connection.
func (c *conn) step(now time.Time) {
	fx := c.s.cfg.Faults.effects(c.view(), now)
	c.spread, c.filling = fx.disorder, false
	end, full := c.take()
	switch {
	case full || fx.is(SlowCut):
		c.overflow()
	case end != nil:
		c.finish(*end)
	case fx.cut != nil:
		c.cut(fx.cut)
	case fx.stall:
		c.forget()
	case fx.silence:
		c.forget()
		c.heartbeat(now)
	case fx.trickle || c.dribble != nil:
		c.trickle(now, fx.trickle)
	default:
		c.deliver(now, fx)
		c.heartbeat(now)
	}
	c.confirm(now)
}

// forget frees the records of waiting Tweets: a stalled connection must not hold hundreds of MB.
func (c *conn) forget() {
	for i := range c.pending {
		c.pending[i].record = nil
	}
	c.mu.Lock()
	c.held = 0
	c.mu.Unlock()
}

func (c *conn) deliver(now time.Time, fx effects) {
	if c.backfill != nil && !c.fill(now, fx) {
		c.backfill = nil
	}
	c.filling = c.backfill != nil
	n := 0
	for n < len(c.pending) && c.pending[n].due <= now.UnixMilli() && !c.over {
		c.lie(c.pending[n].id, fx)
		c.send(now, c.pending[n], fx)
		n++
	}
	c.pending = slices.Delete(c.pending, 0, n)
	c.mu.Lock()
	c.held = max(0, c.held-n)
	c.mu.Unlock()
	c.flushDue(now)
}

// overflow is X's answer to a slow reader: the queue is gone, the message may not get through, and
// the next connection in its slot gets no backfill.
func (c *conn) overflow() {
	c.s.overflowed(c)
	c.nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	c.finish(ending{mode: ModeClose, message: fmt.Sprintf(wordsFull, c.client, c.s.cfg.QueueLimit), reason: "full buffer"})
}

func (s *Server) overflowed(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noBackfill[seat{c.partition, c.slot}] = true
}

func (c *conn) count() ConnectionCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tally
	t.Partition, t.Connection, t.Ordinal, t.Client = c.partition, c.slot, c.ordinal, c.client
	t.Since, t.Backfill, t.Waiting = c.started.UTC().Format(time.RFC3339Nano), c.minutes, c.held
	return t
}

// multibyte is the offset of the first raw multi-byte character of a record, or -1.
func multibyte(record []byte) int {
	return bytes.IndexFunc(record, func(r rune) bool { return r > 0x7f })
}
