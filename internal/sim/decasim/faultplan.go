package decasim

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/rng"
)

// FaultPlan is what goes wrong, and the proof that it did. A nil plan is one without faults. A plan
// belongs to one server. Safe for concurrent use.
type FaultPlan struct {
	mu    sync.Mutex
	start time.Time
	list  []*planned
	of    map[Kind][]*planned

	// current are those of list that befall live connections, have come, and are not spent, as of their
	// last renewal; before upcoming no other comes.
	current  []*planned
	upcoming time.Time
}

// planned is a fault and how far it got.
type planned struct {
	Fault        // with defaults filled in
	plan  Fault  // as it was planned
	text  string // plan in words
	fired int
	begun time.Time    // of its window, or of its latest firing
	bound view         // the connection it befell
	hit   map[int]bool // ordinals, for EveryConnection
	taken int          // requests that it may still befall
}

// NewFaultPlan plans the given faults.
func NewFaultPlan(faults ...Fault) *FaultPlan {
	p := &FaultPlan{of: map[Kind][]*planned{}}
	for _, f := range faults {
		n := &planned{Fault: f.withDefaults(), plan: f, text: f.String(), hit: map[int]bool{}}
		p.list, p.of[f.Kind] = append(p.list, n), append(p.of[f.Kind], n)
	}
	return p
}

// Faults are the planned ones, as they were planned.
func (p *FaultPlan) Faults() []Fault {
	if p == nil {
		return nil
	}
	var all []Fault
	for _, f := range p.list {
		all = append(all, f.plan)
	}
	return all
}

// Fired tells how often each fault that happened did so: connections ended, connects refused, records
// withheld, spoiled or doubled, windows begun. Keys are Fault.String.
func (p *FaultPlan) Fired() map[string]int {
	all := map[string]int{}
	if p == nil {
		return all
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.list {
		if f.fired > 0 {
			all[f.text] += f.fired
		}
	}
	return all
}

// Unfired are the faults that did not happen (yet).
func (p *FaultPlan) Unfired() []string {
	all := []string{}
	if p == nil {
		return all
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.list {
		if f.fired == 0 {
			all = append(all, f.text)
		}
	}
	return all
}

func (p *FaultPlan) begin(now time.Time) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start, p.upcoming = now, time.Time{}
}

// view is what a fault may know of a connection.
type view struct {
	partition, slot, ordinal int
	records                  int
	started                  time.Time
	can                      func(Kind) bool // is there a record to do it with?
}

func (f *planned) matches(v view, now, start time.Time) bool {
	return !now.Before(start.Add(f.At)) && f.ripe(v, now) &&
		(f.Partition == 0 || f.Partition == v.partition) && (f.Connection < 0 || f.Connection == v.slot)
}

func (f *planned) ripe(v view, now time.Time) bool {
	return now.Sub(v.started) >= f.AfterConnect && v.records >= f.AfterRecords
}

// strike says whether a fault that ends a connection ends this one now, and books it.
func (f *planned) strike(v view, now, start time.Time) bool {
	if !f.matches(v, now, start) || !v.can(f.Kind) {
		return false
	}
	if f.Connection == EveryConnection {
		return f.strikeAll(v, now)
	}
	if f.fired >= f.Times || f.fired > 0 && now.Sub(f.begun) < f.Every {
		return false
	}
	f.fired++
	f.begun = now
	return true
}

// strikeAll ends every connection that was live when the first of them was ended, once per time.
func (f *planned) strikeAll(v view, now time.Time) bool {
	round := f.fired == 0 || f.Every > 0 && now.Sub(f.begun) >= f.Every && len(f.hit) > 0 && f.Times > 1
	if round {
		f.begun = now
		f.hit = map[int]bool{}
		if f.fired > 0 {
			f.Times--
		}
	}
	if f.hit[v.ordinal] || v.started.After(f.begun) {
		return false
	}
	f.hit[v.ordinal] = true
	f.fired++
	return true
}

// lasts says whether a fault with a duration holds for this connection now, and books its begin.
func (f *planned) lasts(v view, now, start time.Time) bool {
	if f.begun.IsZero() {
		if !f.matches(v, now, start) {
			return false
		}
		f.begun, f.bound = now, v
		if !f.counted() {
			f.fired++
		}
	}
	if f.For > 0 && now.Sub(f.begun) >= f.For {
		return false
	}
	return f.holds(v, now, start)
}

func (f *planned) holds(v view, now, start time.Time) bool {
	switch {
	case f.Connection == EveryConnection:
		return f.matches(v, now, start) && (f.For > 0 || !v.started.After(f.begun))
	case f.counted() || f.Kind == Disorder:
		// These stay with the slot: a client cannot shake them off by reconnecting.
		return v.partition == f.bound.partition && v.slot == f.bound.slot && (f.For > 0 || v.ordinal == f.bound.ordinal)
	}
	return v.ordinal == f.bound.ordinal
}

// counted kinds fire once per record.
func (f *planned) counted() bool {
	return f.Kind == Loss || f.Kind == Damage || f.Kind == Duplicate || f.Kind == Liar
}

// effects are what befalls a connection now.
type effects struct {
	plan                    *FaultPlan
	cut                     *planned
	stall, silence, trickle bool
	loss, damage, duplicate *planned
	same                    *planned // a loss that befalls the same Tweets of all connections
	liar                    *planned
	disorder                time.Duration
}

func (p *FaultPlan) effects(v view, now time.Time) (fx effects) {
	if p == nil {
		return fx
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fx.plan = p
	p.renew(now)
	for _, f := range p.current {
		switch {
		case instant[f.Kind] && fx.cut == nil && f.strike(v, now, p.start):
			fx.cut = f
		case lasting[f.Kind] && f.lasts(v, now, p.start):
			fx.add(f)
		}
	}
	return fx
}

// renew finds the current faults when another one comes.
func (p *FaultPlan) renew(now time.Time) {
	if now.Before(p.upcoming) {
		return
	}
	p.current, p.upcoming = p.current[:0], now.Add(time.Hour)
	for _, f := range p.list {
		from := p.start.Add(f.At)
		switch {
		case !instant[f.Kind] && !lasting[f.Kind] || f.spent(now):
		case !now.Before(from):
			p.current = append(p.current, f)
		case from.Before(p.upcoming):
			p.upcoming = from
		}
	}
}

// spent says that a fault of connections is over for good.
func (f *planned) spent(now time.Time) bool {
	if lasting[f.Kind] {
		return !f.begun.IsZero() && f.For > 0 && now.Sub(f.begun) >= f.For
	}
	return f.Connection != EveryConnection && f.fired >= f.Times
}

func (fx *effects) add(f *planned) {
	switch f.Kind {
	case Stall:
		fx.stall = true
	case Silence:
		fx.silence = true
	case Trickle:
		fx.trickle = true
	case Loss:
		if f.Same {
			fx.same = f
		} else {
			fx.loss = f
		}
	case Damage:
		fx.damage = f
	case Duplicate:
		fx.duplicate = f
	case Disorder:
		fx.disorder = f.Spread
	case Liar:
		fx.liar = f
	}
}

func (fx *effects) is(k Kind) bool { return fx.cut != nil && fx.cut.Kind == k }

// lose says whether a Tweet is withheld. Whether it is from all depends on it alone.
func (fx *effects) lose(r *rng.Rand, seed uint64, id snowflake.ID) bool {
	shared := rng.New(seed, rng.SaltLoss, uint64(id))
	return fx.draw(fx.same, &shared) || fx.draw(fx.loss, r)
}

func (fx *effects) spoil(r *rng.Rand) bool  { return fx.draw(fx.damage, r) }
func (fx *effects) double(r *rng.Rand) bool { return fx.draw(fx.duplicate, r) }

func (fx *effects) draw(f *planned, r *rng.Rand) bool {
	if f == nil || !r.Chance(f.Share) {
		return false
	}
	fx.plan.mu.Lock()
	defer fx.plan.mu.Unlock()
	f.fired++
	return true
}

// window says whether a fault that befalls the whole server holds now.
func (f *planned) window(now, start time.Time) bool {
	from := start.Add(f.At)
	return !now.Before(from) && (f.For == 0 || now.Before(from.Add(f.For)))
}

// status is what a connect gets; 0: it is judged on its merits.
func (p *FaultPlan) status(now time.Time, partition int) int { return p.refuse(Status, now, partition) }

// refuse is the status of a fault of that kind.
func (p *FaultPlan) refuse(k Kind, now time.Time, partition int) int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.of[k] {
		if f.window(now, p.start) && (f.Partition == 0 || f.Partition == partition) && (f.For > 0 || f.fired < f.Times) {
			f.fired++
			return f.Code
		}
	}
	return 0
}

// acceptClose says whether a connection ends right behind its response header.
func (p *FaultPlan) acceptClose(v view, now time.Time) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.list {
		if f.Kind == AcceptClose && f.window(now, p.start) && f.matches(v, now, p.start) && (f.For > 0 || f.fired < f.Times) {
			f.fired++
			return true
		}
	}
	return false
}

// outage says whether the server is off the network now.
func (p *FaultPlan) outage(now time.Time) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.of[Outage], func(f *planned) bool {
		if !f.window(now, p.start) {
			return false
		}
		f.fired = max(1, f.fired)
		return true
	})
}

// phantoms reports whether sockets that are gone hold all slots.
func (p *FaultPlan) phantoms(now time.Time) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.of[Phantoms] {
		if f.window(now, p.start) {
			f.fired = max(1, f.fired)
			return true
		}
	}
	return false
}

// Closed is a time in which a fault kept clients from what they had a right to.
type Closed struct {
	Fault
	From, To time.Time
}

// Closed are those of the plan, as far as it began.
func (p *FaultPlan) Closed() (all []Closed) {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.list {
		if (f.Kind == Status || f.Kind == Outage || f.Kind == Phantoms) && f.For > 0 && f.fired > 0 {
			from := p.start.Add(f.At)
			all = append(all, Closed{f.Fault, from, from.Add(f.For)})
		}
	}
	return all
}

// factor multiplies the rate from a Unix millisecond on, until the one returned.
func (p *FaultPlan) factor(ms int64) (product float64, until int64) {
	product, until = 1, math.MaxInt64
	if p == nil {
		return product, until
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range slices.Concat(p.of[Burst], p.of[Dip]) {
		from := p.start.Add(f.At)
		if f.window(time.UnixMilli(ms), p.start) {
			f.fired = max(1, f.fired)
			product *= f.times()
		}
		for _, edge := range []time.Time{from, from.Add(f.For)} {
			if at := edge.Add(time.Millisecond - 1).UnixMilli(); at > ms {
				until = min(until, at)
			}
		}
	}
	return product, until
}

// times is by what a fault multiplies the rate.
func (f *planned) times() float64 {
	if f.Kind == Dip {
		return max(0, 1-f.Share)
	}
	return f.Factor
}

// view of this connection, for the plan.
func (c *conn) view() view {
	return view{partition: c.partition, slot: c.slot, ordinal: c.ordinal, records: c.sound, started: c.started, can: c.can}
}

// can says whether there is a record to do a fault with.
func (c *conn) can(k Kind) bool {
	switch k {
	case CutRecord, CutGzip, CutCRLF:
		return len(c.pending) > 0
	case CutUTF8:
		return slices.ContainsFunc(c.pending, func(it item) bool { return multibyte(c.record(it)) >= 0 })
	}
	return true
}

// outage begins or ends one; the caller holds s.mu.
func (s *Server) outage(now time.Time) (begin, end bool) {
	off := s.cfg.Faults.outage(now)
	begin, end = off && !s.down, !off && s.down
	s.down = off
	if begin {
		for _, c := range slices.Concat(s.conns, s.jobs) {
			c.kill(ending{mode: ModeRST})
		}
	}
	return begin, end
}

// switchOff takes the server off the network, or puts it back. A port that somebody else took
// meanwhile is tried again at the next tick.
func (s *Server) switchOff(off bool) {
	s.mu.Lock()
	gates := slices.Clone(s.gates)
	s.mu.Unlock()
	for _, g := range gates {
		turn := g.resume
		if off {
			turn = g.suspend
		}
		if turn() != nil {
			s.mu.Lock()
			s.down = !off
			s.mu.Unlock()
		}
	}
}
