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
	// patienceMost is how long Write may wait for room in memory, all in all, until there is no backlog in the spool and
	// memory is half empty again. If each batch waited that long, a slow output would hold up the stream.
	patienceMost = time.Second
	aheadMost    = 2           // entries read and not yet under way
	tryAgain     = time.Second // after the disk failed
)

var errStopped = errors.New("delivery has stopped")

// gift is a batch that a Write has come with.
type gift struct {
	b       *Batch
	reply   chan error // has room for the answer
	p       *parcel    // the desk's
	since   time.Time
	until   time.Time // when it goes to the spool if memory has no room
	storing bool      // it is on its way there
	failed  bool      // the spool did not take it
	gone    bool      // its Write waits no more
}

// desk knows every Tweet that was given and not delivered, and decides what is done with it. Its methods are told what
// happened, and when; then pump says what is to be done: start, and the jobs. It has one owner, and starts nothing.
type desk struct {
	cfg     *Config
	keeps   bool // there is a spool
	jitter  func() float64
	recycle func(*Batch)

	seq         int64
	lots        list.List // of *lot: undelivered, the oldest first
	given       []*lot    // in the order in which they were given; the first is not safe
	undelivered int64
	refused     int64
	out         Outcome // not yet told

	fresh      []*parcel // in memory, not in the spool; each of these is sorted by age
	ahead      []*parcel // read from the spool
	stored     []*parcel // in the spool only
	waiting    []*parcel // put off, in no order
	under      map[*parcel]struct{}
	reading    int  // on the way from stored to ahead
	spoolsTurn bool // of ahead, to go next

	held, heldBytes int // Tweets in memory
	lent, lentBytes int // those of them that were read from the spool

	door     *gift
	patience time.Duration
	spilling bool // the backlog is of what did not fit into memory

	sink     sink
	disk     disk
	words    words
	paused   bool
	stopping bool
	lates    map[*Batch]*parcel // under way at the stop, fate not known

	start []*parcel // to be delivered now
}

func newDesk(cfg *Config, keeps bool) *desk {
	if cfg.Bytes < 1 {
		cfg.Bytes = math.MaxInt
	}
	d := &desk{cfg: cfg, keeps: keeps, jitter: rand.Float64, recycle: func(*Batch) {}, patience: patienceMost,
		under: map[*parcel]struct{}{}, lates: map[*Batch]*parcel{}}
	past := slices.Clone(cfg.Past)
	slices.SortStableFunc(past, func(a, b spool.Entry) int { return a.At.Compare(b.At) })
	for i := range past {
		d.inherit(&past[i])
	}
	cfg.Past = nil // it may be long, and the spool has it
	return d
}

// inherit takes an entry of an earlier process over.
func (d *desk) inherit(e *spool.Entry) {
	p := newParcel(len(e.Tweets), e.At)
	p.entry, p.safe, p.lot.unsafe = e.ID, true, 0
	if p.n > 0 {
		p.bytes = e.Tweets[p.n-1].End + tweetBytes*p.n
	}
	d.enrol(p.lot)
	d.stored = append(d.stored, p)
	d.disk.spooled += int64(p.n)
}

func newParcel(n int, at time.Time) *parcel {
	return &parcel{n: n, lot: &lot{at: at, n: n, unsafe: n, undelivered: n}}
}

// enrol enters a lot in the books.
func (d *desk) enrol(l *lot) {
	d.seq++
	l.seq = d.seq
	l.place = d.lots.PushBack(l)
	d.undelivered += int64(l.n)
	if l.unsafe > 0 {
		d.given = append(d.given, l)
	}
}

// open reports whether a gift may come to the door.
func (d *desk) open() bool { return d.door == nil && !d.stopping }

// give lets a batch wait at the door; pump takes it from there.
func (d *desk) give(now time.Time, g *gift) {
	g.p = newParcel(len(g.b.Tweets), now)
	g.p.b, g.p.bytes = g.b, g.b.size()
	if len(d.stored) == 0 && d.held-d.lent <= d.cfg.Memory/2 && d.heldBytes-d.lentBytes <= d.cfg.Bytes/2 {
		d.patience, d.spilling = patienceMost, false
	}
	g.since, g.until = now, now.Add(d.patience)
	d.door = g
}

// withdraw forgets a gift, unless it is on its way to the spool already.
func (d *desk) withdraw(g *gift) {
	g.gone = true
	if d.door == g && !g.storing {
		d.door = nil
	}
}

// leave answers the gift at the door.
func (d *desk) leave(err error) {
	d.door.reply <- err
	d.door = nil
}

// pump decides what is to be done now.
func (d *desk) pump(now time.Time) {
	d.forget(now)
	if !d.stopping {
		d.rouse(now)
		d.admit(now)
		d.begin(now)
		d.readAhead()
	}
	d.speak(now)
}

// freshShare is how much of memory, in Tweets or bytes, may be of what did not come from the spool: while there is a
// backlog, half of it is the spool's.
func (d *desk) freshShare(most int) int {
	if len(d.stored) == 0 {
		return most
	}
	return most - most/2
}

// room reports whether memory takes n Tweets that were given. A batch of giants counts as half of memory, so that its
// turn comes.
func (d *desk) room(n, bytes int) bool {
	bytes = min(bytes, d.cfg.Bytes/2)
	mine, mineBytes := d.held-d.lent, d.heldBytes-d.lentBytes
	return d.held+n <= d.cfg.Memory && bytes <= d.cfg.Bytes-d.heldBytes &&
		(mine == 0 || mine+n <= d.freshShare(d.cfg.Memory) && bytes <= d.freshShare(d.cfg.Bytes)-mineBytes)
}

// lendable reports whether memory takes an entry from the spool. One that was written when batches were larger counts
// as one of today's: it is cut as soon as it was read.
func (d *desk) lendable(p *parcel) bool {
	n, bytes := min(p.n, d.cfg.Most), min(p.bytes, d.cfg.Bytes/2)
	return d.held+n <= d.cfg.Memory && bytes <= d.cfg.Bytes-d.heldBytes &&
		(d.lent == 0 || d.lent+n <= d.cfg.Memory/2 && bytes <= d.cfg.Bytes/2-d.lentBytes)
}

func (d *desk) hold(p *parcel) {
	d.held += p.n
	d.heldBytes += p.bytes
	if p.lent {
		d.lent += p.n
		d.lentBytes += p.bytes
	}
}

func (d *desk) release(p *parcel) {
	d.held -= p.n
	d.heldBytes -= p.bytes
	if p.lent {
		d.lent -= p.n
		d.lentBytes -= p.bytes
	}
	p.b, p.lent = nil, false
}

// admit takes the gift at the door into memory, or sends it to the spool.
func (d *desk) admit(now time.Time) {
	g := d.door
	switch {
	case g == nil || g.storing:
	case d.room(g.p.n, g.p.bytes):
		d.patience -= min(d.patience, now.Sub(g.since))
		d.enrol(g.p.lot)
		d.hold(g.p)
		d.fresh = append(d.fresh, g.p)
		d.leave(nil)
	case d.keeps && !now.Before(g.until):
		d.patience, d.spilling = 0, true
		d.storeGift()
	}
}

func (d *desk) storeGift() {
	d.door.storing = true
	d.store(d.door.p)
}

// rouse lets those go again that waited long enough.
func (d *desk) rouse(now time.Time) {
	d.waiting = slices.DeleteFunc(d.waiting, func(p *parcel) bool {
		due := !now.Before(p.due)
		switch {
		case due && p.b == nil:
			d.stored = insert(d.stored, p)
		case due:
			d.fresh = insert(d.fresh, p)
		}
		return due
	})
}

// begin fills the free slots.
func (d *desk) begin(now time.Time) {
	for d.mayBegin(now) {
		p := d.next()
		if p == nil {
			return
		}
		p.probe = d.sink.probing
		if p.again {
			d.sink.retries++
			d.sink.spell.n++
		}
		d.under[p] = struct{}{}
		d.start = append(d.start, p)
	}
}

// mayBegin reports whether one more delivery may begin. News that nobody takes may not pile up.
func (d *desk) mayBegin(now time.Time) bool {
	if d.paused || d.stopping || len(d.out.Delivered) > d.cfg.Memory {
		return false
	}
	if d.sink.probing {
		return len(d.under) == 0 && !now.Before(d.sink.next)
	}
	return len(d.under) < d.cfg.Slots
}

// next takes from memory and from the spool by turns.
func (d *desk) next() *parcel {
	queue := &d.fresh
	if len(d.ahead) > 0 && (d.spoolsTurn || len(d.fresh) == 0) {
		queue = &d.ahead
	}
	if len(*queue) == 0 {
		return nil
	}
	d.spoolsTurn = queue == &d.fresh
	return pop(queue)
}

// readAhead has the oldest entries read.
func (d *desk) readAhead() {
	for len(d.ahead)+d.reading < aheadMost && len(d.stored) > 0 && d.lendable(d.stored[0]) {
		p := pop(&d.stored)
		p.lent = true
		d.hold(p)
		d.reading++
		d.push(&job{task: read, p: p, entry: p.entry})
	}
}

// stop begins no more deliveries, and has all that is in memory put into the spool, in order, those under way as well.
func (d *desk) stop() {
	if d.stopping {
		return
	}
	d.stopping = true
	rest := slices.Concat(d.fresh, d.waiting, d.disk.drop())
	for p := range d.under {
		rest = append(rest, p)
	}
	rest = slices.DeleteFunc(rest, func(p *parcel) bool { return p.entry != 0 })
	slices.SortFunc(rest, byAge)
	if d.keeps {
		for _, p := range rest {
			d.store(p)
		}
	}
	switch g := d.door; {
	case g == nil || g.storing:
	case d.keeps:
		d.storeGift()
	default:
		d.leave(errStopped)
	}
}

// over reports whether nothing is left to be done after stop.
func (d *desk) over() bool {
	return d.stopping && len(d.under) == 0 && d.disk.idle() && d.door == nil && d.out.empty()
}

// unsafe is how many Tweets would have to be fetched again if the process ended now.
func (d *desk) unsafe() (n int) {
	for _, l := range d.given {
		n += l.unsafe
	}
	return n
}

// wake is when pump has to be called again, if nothing happens before.
func (d *desk) wake(now time.Time) time.Time {
	at := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(at) {
			at = t
		}
	}
	if g := d.door; g != nil && d.keeps {
		sooner(g.until)
	}
	for _, p := range d.waiting {
		sooner(p.due)
	}
	sooner(d.sink.next)
	d.disk.wake(sooner)
	d.disk.settling.wake(d.cfg, sooner)
	d.wakeToSpeak(sooner)
	return at
}
