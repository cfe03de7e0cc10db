package delivery

import (
	"container/list"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
)

const (
	// maxPatience is how long Write may wait for room in memory, all in all, until there is no backlog in the spool
	// and memory is half empty again. If each batch waited that long, a slow output would hold up the stream.
	maxPatience    = time.Second
	maxAhead       = 2           // entries that were read and are not in flight
	diskRetryDelay = time.Second // after the disk failed
)

var errStopped = errors.New("delivery has stopped")

// offer is a pending Write: it ends when memory or the spool takes its batch. There is one at a time, so a Write that
// waits holds back all that come after it, in order.
type offer struct {
	b         *Batch
	reply     chan error // has room for the answer
	p         *part      // the scheduler's
	since     time.Time
	until     time.Time // when it goes to the spool if memory has no room
	storing   bool      // it is on its way there
	failed    bool      // the spool did not take it
	withdrawn bool      // its Write waits no more
}

// scheduler knows every Tweet that was given and not delivered, and decides what is done with it. Its methods are told
// what happened, and when; then pump says what is to be done: start, and the jobs. It has one owner, and starts
// nothing.
type scheduler struct {
	cfg     *Config
	keeps   bool // there is a spool
	jitter  func() float64
	recycle func(*Batch)

	seq         int64
	groups      list.List // of *group: undelivered, the oldest first
	given       []*group  // in the order in which they were given; the first is not safe
	undelivered int64
	refused     int64
	out         Outcome // not yet told

	fresh      []*part // in memory, not in the spool; each of these is sorted by age
	ahead      []*part // read from the spool
	stored     []*part // in the spool only
	waiting    []*part // put off, in no order
	inFlight   map[*part]struct{}
	reading    int  // on the way from stored to ahead
	spoolsTurn bool // of ahead, to go next

	held, heldBytes           int // Tweets in memory
	fromSpool, fromSpoolBytes int // those of them that were read from the spool

	offer    *offer
	patience time.Duration
	spilling bool // the backlog is of what did not fit into memory

	sink     sink
	disk     disk
	log      logState
	paused   bool
	stopping bool
	lates    map[*Batch]*part // in flight at the stop, fate not known

	start []*part // to be delivered now
}

func newScheduler(cfg *Config, keeps bool) *scheduler {
	if cfg.Bytes < 1 {
		cfg.Bytes = math.MaxInt
	}
	s := &scheduler{cfg: cfg, keeps: keeps, jitter: rand.Float64, recycle: func(*Batch) {}, patience: maxPatience,
		inFlight: map[*part]struct{}{}, lates: map[*Batch]*part{}}
	past := slices.Clone(cfg.Past)
	slices.SortStableFunc(past, func(a, b spool.Entry) int { return a.At.Compare(b.At) })
	for i := range past {
		s.inherit(&past[i])
	}
	cfg.Past = nil // it may be long, and the spool has it
	return s
}

// inherit takes an entry of an earlier process over.
func (s *scheduler) inherit(e *spool.Entry) {
	p := newPart(len(e.Tweets), e.At)
	p.entry, p.safe, p.group.unsafe = e.ID, true, 0
	if p.n > 0 {
		p.bytes = e.Tweets[p.n-1].End + tweetBytes*p.n
	}
	s.register(p.group)
	s.stored = append(s.stored, p)
	s.disk.spooled += int64(p.n)
}

func newPart(n int, at time.Time) *part {
	return &part{n: n, group: &group{at: at, n: n, unsafe: n, undelivered: n}}
}

// register enters a group in the books.
func (s *scheduler) register(g *group) {
	s.seq++
	g.seq = s.seq
	g.element = s.groups.PushBack(g)
	s.undelivered += int64(g.n)
	if g.unsafe > 0 {
		s.given = append(s.given, g)
	}
}

// takesOffer reports whether the next Write may come.
func (s *scheduler) takesOffer() bool { return s.offer == nil && !s.stopping }

// setOffer makes o the pending Write; pump decides where its batch goes.
func (s *scheduler) setOffer(now time.Time, o *offer) {
	o.p = newPart(len(o.b.Tweets), now)
	o.p.b, o.p.bytes = o.b, o.b.size()
	if len(s.stored) == 0 && s.held-s.fromSpool <= s.cfg.Memory/2 && s.heldBytes-s.fromSpoolBytes <= s.cfg.Bytes/2 {
		s.patience, s.spilling = maxPatience, false
	}
	o.since, o.until = now, now.Add(s.patience)
	s.offer = o
}

// withdraw forgets an offer, unless the spool is being given its batch already: then the spool decides.
func (s *scheduler) withdraw(o *offer) {
	o.withdrawn = true
	if s.offer == o && !o.storing {
		s.offer = nil
	}
}

// answerOffer ends the pending Write.
func (s *scheduler) answerOffer(err error) {
	s.offer.reply <- err
	s.offer = nil
}

// pump decides what must be done now. It is called after every event.
func (s *scheduler) pump(now time.Time) {
	s.forget(now)
	if !s.stopping {
		s.wakeWaiting(now)
		s.admit(now)
		s.begin(now)
		s.readAhead()
	}
	s.writeLog(now)
}

// freshShare is how much of memory, in Tweets or bytes, may be of what did not come from the spool: while there is a
// backlog, half of it is the spool's.
func (s *scheduler) freshShare(whole int) int {
	if len(s.stored) == 0 {
		return whole
	}
	return whole - whole/2
}

// room reports whether memory takes n Tweets that were given. A batch of giants counts as half of memory, so that its
// turn comes.
func (s *scheduler) room(n, bytes int) bool {
	bytes = min(bytes, s.cfg.Bytes/2)
	mine, mineBytes := s.held-s.fromSpool, s.heldBytes-s.fromSpoolBytes
	return s.held+n <= s.cfg.Memory && bytes <= s.cfg.Bytes-s.heldBytes &&
		(mine == 0 || mine+n <= s.freshShare(s.cfg.Memory) && bytes <= s.freshShare(s.cfg.Bytes)-mineBytes)
}

// spoolFits reports whether memory takes an entry from the spool. One that was written when batches were larger counts
// as one of today's: it is cut as soon as it was read.
func (s *scheduler) spoolFits(p *part) bool {
	n, bytes := min(p.n, s.cfg.Most), min(p.bytes, s.cfg.Bytes/2)
	return s.held+n <= s.cfg.Memory && bytes <= s.cfg.Bytes-s.heldBytes &&
		(s.fromSpool == 0 || s.fromSpool+n <= s.cfg.Memory/2 && bytes <= s.cfg.Bytes/2-s.fromSpoolBytes)
}

func (s *scheduler) hold(p *part) {
	s.held += p.n
	s.heldBytes += p.bytes
	if p.fromSpool {
		s.fromSpool += p.n
		s.fromSpoolBytes += p.bytes
	}
}

func (s *scheduler) release(p *part) {
	s.held -= p.n
	s.heldBytes -= p.bytes
	if p.fromSpool {
		s.fromSpool -= p.n
		s.fromSpoolBytes -= p.bytes
	}
	p.b, p.fromSpool = nil, false
}

// admit takes the batch of the pending Write into memory, or sends it to the spool.
func (s *scheduler) admit(now time.Time) {
	o := s.offer
	switch {
	case o == nil || o.storing:
	case s.room(o.p.n, o.p.bytes):
		s.patience -= min(s.patience, now.Sub(o.since))
		s.register(o.p.group)
		s.hold(o.p)
		s.fresh = append(s.fresh, o.p)
		s.answerOffer(nil)
	case s.keeps && !now.Before(o.until):
		s.patience, s.spilling = 0, true
		s.storeOffer()
	}
}

func (s *scheduler) storeOffer() {
	s.offer.storing = true
	s.store(s.offer.p)
}

// wakeWaiting makes the parts ready whose retry delay is over.
func (s *scheduler) wakeWaiting(now time.Time) {
	s.waiting = slices.DeleteFunc(s.waiting, func(p *part) bool {
		due := !now.Before(p.due)
		switch {
		case due && p.b == nil:
			s.stored = insert(s.stored, p)
		case due:
			s.fresh = insert(s.fresh, p)
		}
		return due
	})
}

// begin fills the free slots.
func (s *scheduler) begin(now time.Time) {
	for s.mayBegin(now) {
		p := s.next()
		if p == nil {
			return
		}
		p.probe = s.sink.probing
		if p.retried {
			s.sink.retries++
			s.sink.trouble.n++
		}
		s.inFlight[p] = struct{}{}
		s.start = append(s.start, p)
	}
}

// mayBegin reports whether one more delivery may begin. While nobody takes the Outcomes none does, since they would
// pile up without a bound.
func (s *scheduler) mayBegin(now time.Time) bool {
	if s.paused || s.stopping || len(s.out.Delivered) > s.cfg.Memory {
		return false
	}
	if s.sink.probing {
		return len(s.inFlight) == 0 && !now.Before(s.sink.next)
	}
	return len(s.inFlight) < s.cfg.Slots
}

// next takes from memory and from the spool by turns: new Tweets do not wait for a backlog of days, and the backlog
// shrinks all the same.
func (s *scheduler) next() *part {
	queue := &s.fresh
	if len(s.ahead) > 0 && (s.spoolsTurn || len(s.fresh) == 0) {
		queue = &s.ahead
	}
	if len(*queue) == 0 {
		return nil
	}
	s.spoolsTurn = queue == &s.fresh
	return s.pick(queue)
}

// pick takes the oldest of a queue that is not empty. While one batch at a time is a probe, every other one is of a part
// that was never put off: else the outputs would only be asked for those that they always put off, and nobody would
// learn that they accept all others.
func (s *scheduler) pick(queue *[]*part) *part {
	i := 0
	if s.sink.probing && s.sink.again {
		i = max(0, slices.IndexFunc(*queue, (*part).untried))
	}
	p := take(queue, i)
	s.sink.again = p.tries > 0
	return p
}

// readAhead has the oldest entries read, and one that was never put off where the next probe may want it, see pick.
func (s *scheduler) readAhead() {
	for len(s.ahead)+s.reading < maxAhead && len(s.stored) > 0 {
		i := 0
		if s.sink.probing && !slices.ContainsFunc(s.ahead, (*part).untried) {
			i = max(0, slices.IndexFunc(s.stored, (*part).untried))
		}
		if !s.spoolFits(s.stored[i]) {
			return
		}
		p := take(&s.stored, i)
		p.fromSpool = true
		s.hold(p)
		s.reading++
		s.push(&job{task: read, p: p, entry: p.entry})
	}
}

// stop begins no more deliveries, and puts all that is in memory into the spool, in order. That includes what is in
// flight: nobody may be left to hear that it was accepted.
func (s *scheduler) stop() {
	if s.stopping {
		return
	}
	s.stopping = true
	rest := slices.Concat(s.fresh, s.waiting, s.disk.drop())
	for p := range s.inFlight {
		rest = append(rest, p)
	}
	rest = slices.DeleteFunc(rest, func(p *part) bool { return p.entry != 0 })
	slices.SortFunc(rest, byAge)
	if s.keeps {
		for _, p := range rest {
			s.store(p)
		}
	}
	switch o := s.offer; {
	case o == nil || o.storing:
	case s.keeps:
		s.storeOffer()
	default:
		s.answerOffer(errStopped)
	}
}

// over reports whether the stop is complete.
func (s *scheduler) over() bool {
	return s.stopping && len(s.inFlight) == 0 && s.disk.idle() && s.offer == nil && s.out.empty()
}

// unsafe is how many Tweets would have to be fetched again if the process ended now.
func (s *scheduler) unsafe() (n int) {
	for _, g := range s.given {
		n += g.unsafe
	}
	return n
}

// wake is when pump must be called again, if nothing happens before.
func (s *scheduler) wake(now time.Time) time.Time {
	at := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(at) {
			at = t
		}
	}
	if o := s.offer; o != nil && s.keeps {
		sooner(o.until)
	}
	for _, p := range s.waiting {
		sooner(p.due)
	}
	sooner(s.sink.next)
	s.disk.wake(sooner)
	s.disk.settling.wake(s.cfg, sooner)
	s.wakeToLog(sooner)
	return at
}
