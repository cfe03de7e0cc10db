package decasim

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// Server delivers a Source as the Decahose does (x-api.md §§1–6). It is an http.Handler for HTTP/1.1;
// Serve runs it on a listener. Time is the clock's: a Tweet is delivered when its id's time has come.
//
// Which Tweets belong to a connection: those of its partition created at or after the millisecond
// in which it was registered, less the minutes of backfill it asked for, until it ends.
type Server struct {
	cfg    ServerConfig
	book   *book
	stop   chan struct{} // closed by Close
	wg     sync.WaitGroup
	closer sync.Once

	mu         sync.Mutex
	at         int64 // Tweets before this millisecond have been handed out; 0: the clock has not started
	started    time.Time
	stopAt     int64         // no Tweets from this millisecond on; 0: not stopped
	offerFrom  map[int]int64 // by partition: its first connection
	conns      []*conn       // live, in order of acceptance
	ended      []ConnectionCount
	accepted   int
	connects   slidingLog
	replays    slidingLog
	jobs       []*conn        // of requests that are being delivered
	starting   map[string]int // accepted requests, by kind, on their way to become jobs
	requests   []*asked
	made       int // requests, and what became of them
	completed  int
	refused    int
	served     []Served
	excess     time.Time // since when there are too many connections; zero: there are not
	noBackfill map[seat]bool
	gates      []*gate
	servers    []*http.Server
	down       bool
	slice      []world.Tweet
	grain      int64 // how many milliseconds a backfill draws at once
}

// seat is a slot of a partition.
type seat struct{ partition, slot int }

// NewServer returns a server; nothing runs before its first request.
func NewServer(cfg ServerConfig) *Server {
	s := &Server{cfg: cfg.withDefaults(), book: newBook(), stop: make(chan struct{}),
		offerFrom: map[int]int64{}, noBackfill: map[seat]bool{}, starting: map[string]int{}, grain: 1}
	s.connects = slidingLog{limit: s.cfg.ConnectLimit, period: s.cfg.ConnectPeriod}
	s.replays = slidingLog{limit: s.cfg.ReplayLimit, period: s.cfg.ReplayPeriod}
	if w, ok := s.cfg.Source.(*world.World); ok && w.Sparse() {
		s.grain = 1000
	}
	return s
}

// Serve answers on l until Close; it then returns http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	g := newGate(l)
	hs := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.mu.Lock()
	s.gates, s.servers = append(s.gates, g), append(s.servers, hs)
	s.mu.Unlock()
	return hs.Serve(g)
}

// Close ends all connections at once and waits until nothing of the server runs any more.
func (s *Server) Close() error {
	s.closer.Do(func() { close(s.stop) })
	s.mu.Lock()
	for _, c := range slices.Concat(s.conns, s.jobs) {
		c.kill(ending{mode: ModeEOF})
	}
	servers, gates := s.servers, s.gates
	s.mu.Unlock()
	for _, g := range gates {
		g.Close()
	}
	for _, hs := range servers {
		hs.Close()
	}
	s.wg.Wait()
	return nil
}

// begin starts the clock of the simulation: the first request to a stream's route.
func (s *Server) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at != 0 {
		return
	}
	s.at, s.started = now.UnixMilli(), now
	s.cfg.Faults.begin(now)
	select {
	case <-s.stop:
	default:
		s.wg.Go(s.pump)
	}
}

// pump hands out Tweets as time passes.
func (s *Server) pump() {
	ticker := time.NewTicker(s.cfg.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.tick(time.Now())
		}
	}
}

func (s *Server) tick(now time.Time) {
	s.mu.Lock()
	s.advance(now.UnixMilli())
	s.police(now)
	begin, end := s.outage(now)
	conns := slices.Concat(s.conns, s.jobs)
	s.mu.Unlock()
	if begin || end {
		s.switchOff(begin)
	}
	for _, c := range conns {
		if c.due(now) {
			c.nudge()
		}
	}
}

// advance hands out the Tweets created before ms.
func (s *Server) advance(ms int64) {
	if s.stopAt != 0 {
		ms = min(ms, s.stopAt)
	}
	for s.at < ms {
		s.slice, s.at = s.span(s.slice[:0], s.at, ms)
		for _, t := range s.slice {
			s.hand(t)
		}
	}
}

// span appends the Tweets from a millisecond on, of a second at most, and returns where it stopped.
func (s *Server) span(dst []world.Tweet, from, to int64) ([]world.Tweet, int64) {
	factor, until := s.cfg.Faults.factor(from)
	until = min(until, to, (from/1000+1)*1000)
	return s.cfg.Source.Span(dst, from, until, factor), until
}

func (s *Server) hand(t world.Tweet) {
	if from, ok := s.offerFrom[t.Partition]; ok && t.ID.Milli() >= from {
		s.book.mark(t.Partition, flagOffered, t.ID)
	}
	var record []byte
	for _, c := range s.conns {
		if c.partition != t.Partition || t.ID.Milli() < c.from {
			continue
		}
		if record == nil {
			record = append(t.Append(make([]byte, 0, 8<<10)), "\r\n"...)
		}
		c.offer(item{id: t.ID, record: record})
	}
}

// police ends what X would end: surplus connections.
func (s *Server) police(now time.Time) {
	allowed := s.cfg.AllowedConnections
	if s.cfg.Faults.phantoms(now) {
		allowed = 0
	}
	if len(s.conns) <= allowed {
		s.excess = time.Time{}
		return
	}
	if s.excess.IsZero() {
		s.excess = now
	}
	if now.Sub(s.excess) < s.cfg.ExcessGrace {
		return
	}
	c := s.conns[len(s.conns)-1]
	if s.cfg.CutOldest {
		c = s.conns[0]
	}
	c.kill(ending{mode: ModeClose, message: tooMany(s.cfg.AllowedConnections), reason: "too many"})
}

// register makes c a live connection. It gets the lowest slot that is free in its partition.
func (s *Server) register(c *conn, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stop:
		return false
	default:
	}
	taken := map[int]bool{}
	for _, other := range s.conns {
		taken[other.slot] = taken[other.slot] || other.partition == c.partition
	}
	for taken[c.slot] {
		c.slot++
	}
	// The clock may have gone on since the request: what was handed out meanwhile is for the backfill to bring.
	c.from, c.started, c.ordinal = max(now.UnixMilli(), s.at), now, s.accepted
	s.accepted++
	if _, ok := s.offerFrom[c.partition]; !ok {
		s.offerFrom[c.partition] = c.from
	}
	s.grantBackfill(c)
	s.conns = append(s.conns, c)
	s.wg.Add(1)
	return true
}

// grantBackfill: not after a full-buffer disconnect; delivery then starts at the connect (x-api.md §1.2).
// Who takes the slot of the connection that was cut stands for it.
func (s *Server) grantBackfill(c *conn) {
	refused := s.noBackfill[seat{c.partition, c.slot}]
	delete(s.noBackfill, seat{c.partition, c.slot})
	if c.minutes == 0 || refused || s.cfg.Backfill != BackfillServe {
		return
	}
	to := c.from
	if s.stopAt != 0 {
		to = min(to, s.stopAt)
	}
	c.backfill = &backfill{at: c.from - int64(c.minutes)*60_000, to: to}
}

// Served is a connection that got a stream.
type Served struct {
	Partition int
	From, To  time.Time // To is zero while it lives
}

// Served are all connections to the stream that there were.
func (s *Server) Served() []Served {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.served)
	for _, c := range s.conns {
		all = append(all, Served{c.partition, c.started, time.Time{}})
	}
	return all
}

// Partitions is how many the stream has.
func (s *Server) Partitions() int { return s.cfg.Source.Partitions() }

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(x *conn) bool { return x == c })
	s.served = append(s.served, Served{c.partition, c.started, time.Now()})
	s.ended = append(s.ended, c.count())
	if len(s.ended) > 200 {
		s.ended = slices.Delete(s.ended, 0, 100)
	}
	s.wg.Done()
}

// StopOffering creates no more Tweets from now on. What is pending is still delivered; then
// connections carry heartbeats only. Backfill goes on to be served.
func (s *Server) StopOffering() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopAt != 0 {
		return
	}
	s.stopAt = time.Now().UnixMilli()
	if s.at != 0 {
		s.advance(s.stopAt)
	}
}

// OfferedIDs are the ids created from the first connection of their partition until StopOffering,
// ascending. With a connection or an outage of less than five minutes and backfill at all times, all
// of them can be had.
func (s *Server) OfferedIDs() []snowflake.ID {
	return s.book.with(func(f uint8) bool { return f&flagOffered != 0 })
}

// SentIDs are the ids whose record was written whole, sound and with its \r\n on at least one
// connection, ascending: a client that reads its connections to the end has seen them. Over TCP, what
// was written less than ConfirmAfter before a reset or before the client went away does not count.
func (s *Server) SentIDs() []snowflake.ID {
	return s.book.with(func(f uint8) bool { return f&flagSent != 0 })
}

// UnsentIDs are the offered ids that were not sent (yet), ascending.
func (s *Server) UnsentIDs() []snowflake.ID {
	return s.book.with(func(f uint8) bool { return waiting(f) == 1 })
}

// LiveIDs are those of SentIDs that the live stream or backfill delivered, ascending. The others a client
// can have from Replay or Recovery alone.
func (s *Server) LiveIDs() []snowflake.ID {
	return s.book.with(func(f uint8) bool { return f&flagLive != 0 })
}

// Gone says that Replay and Recovery do not deliver a Tweet, though live stream and backfill do.
func (s *Server) Gone(id snowflake.ID) bool {
	a, ok := s.cfg.Source.(world.Aging)
	return ok && a.Gone(id)
}

// GoneIDs are the offered ids that neither the live stream nor backfill delivered (yet) and that Replay
// and Recovery do not have, ascending: no client can be blamed for them.
func (s *Server) GoneIDs() []snowflake.ID {
	ids := s.book.with(func(f uint8) bool { return f&flagOffered != 0 && f&flagLive == 0 })
	return slices.DeleteFunc(ids, func(id snowflake.ID) bool { return !s.Gone(id) })
}

// ErrNoConnection says that Cut found nothing to cut.
var ErrNoConnection = cutError("no such connection")

type cutError string

func (e cutError) Error() string { return string(e) }

// Cut ends one live connection now: the first that matches partition (0: any) and slot (-1: any).
func (s *Server) Cut(partition, slot int, mode Mode) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if (partition == 0 || c.partition == partition) && (slot < 0 || c.slot == slot) && !c.dying() {
			c.kill(ending{mode: cmp.Or(mode, ModeEOF), reason: "cut"})
			c.nudge()
			return nil
		}
	}
	return ErrNoConnection
}
