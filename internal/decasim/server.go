package decasim

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/snowflake"
)

// Server delivers a Source as the Decahose does (x-api.md §§1–6). It is an http.Handler for HTTP/1.1;
// Serve runs it on a listener. Time is the clock's: a Tweet is delivered when its id's time has come.
//
// Which Tweets belong to a connection: those of its partition created at or after the millisecond
// in which it was accepted, less the minutes of backfill it asked for, until it ends.
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
	attempts   []time.Time // the sliding log of ConnectLimit
	excess     time.Time   // since when there are too many connections; zero: there are not
	noBackfill map[int]bool
	gates      []*gate
	servers    []*http.Server
	down       bool
	slice      []Tweet
}

// NewServer returns a server; nothing runs before its first request.
func NewServer(cfg ServerConfig) *Server {
	return &Server{cfg: cfg.withDefaults(), book: newBook(), stop: make(chan struct{}),
		offerFrom: map[int]int64{}, noBackfill: map[int]bool{}}
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
	for _, c := range s.conns {
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
	conns := slices.Clone(s.conns)
	s.mu.Unlock()
	if begin || end {
		s.switchOff(begin)
	}
	for _, c := range conns {
		c.nudge()
	}
}

// advance hands out the Tweets created before ms.
func (s *Server) advance(ms int64) {
	if s.stopAt != 0 {
		ms = min(ms, s.stopAt)
	}
	for ; s.at < ms; s.at++ {
		s.slice = s.cfg.Source.Milli(s.slice[:0], s.at, s.factor(s.at))
		for _, t := range s.slice {
			s.hand(t)
		}
	}
}

func (s *Server) factor(ms int64) float64 { return s.cfg.Faults.factor(ms) }

func (s *Server) hand(t Tweet) {
	if from, ok := s.offerFrom[t.Partition]; ok && s.at >= from {
		s.book.mark(t.Partition, flagOffered, t.ID)
	}
	var record []byte
	for _, c := range s.conns {
		if c.partition != t.Partition || s.at < c.from {
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
	if len(s.conns) <= s.cfg.AllowedConnections {
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
	c.from, c.started, c.ordinal = now.UnixMilli(), now, s.accepted
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
func (s *Server) grantBackfill(c *conn) {
	refused := s.noBackfill[c.partition]
	delete(s.noBackfill, c.partition)
	if c.minutes == 0 || refused || s.cfg.Backfill != BackfillServe {
		return
	}
	to := c.from
	if s.stopAt != 0 {
		to = min(to, s.stopAt)
	}
	c.backfill = &backfill{at: c.from - int64(c.minutes)*60_000, to: to}
}

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(x *conn) bool { return x == c })
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
