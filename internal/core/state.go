package core

import (
	"cmp"
	"time"

	"github.com/decahose/telegraf-decahose/internal/core/inflight"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const (
	// factsEvery is how often facts are made durable.
	factsEvery = 5 * time.Second
	// commitPatience is how long a commit may take before the state counts as not writable.
	commitPatience = 5 * time.Second
	// complainEvery is how often the log says that the state cannot be written or read.
	complainEvery = time.Minute
	// steady is how long commits must succeed before the log says that the state is written again: on a full disk
	// a small one succeeds now and then.
	steady = 30 * time.Second
	// retryMost bounds the ids that wait for a state that cannot be written; the oldest are dropped,
	// which costs repeats after a restart.
	retryMost = 4 << 20
)

// durable is what the core knows of the store.
type durable struct {
	on      bool
	failing bool
	seq     uint64
	flight  *ledger.Commit // given away and not back yet
	sentAt  time.Time
	factsAt time.Time
	intents []*conn // to be connected once what they mean is durable
	held    []*conn // the same, part of flight
	retry   []ledger.IDs
	bytes   int64
	cooled  []timeline.Minute       // of flight: in memory no longer needed once it is durable
	asked   []*ledger.RequestRecord // changed
	answers []ledger.Answer
	steps   []ledger.StepRecord // as stored last, nil: not known

	complainedAt, damagedAt time.Time
	mendedAt                time.Time // since when commits succeed after a failure; zero: it was told, or none failed
}

// persist makes durable what is due, and lets those connect whose intents are.
func (c *Core) persist(ev Event) {
	d := &c.durable
	if !d.on {
		if !c.now.Before(d.factsAt) {
			d.factsAt = c.now.Add(chore)
			c.settleFacts(false)
		}
		c.release(d.intents, true)
		d.intents, d.asked, d.answers, d.cooled = d.intents[:0], nil, nil, nil
		c.gaps.Drop()
		return
	}
	if d.flight != nil && c.now.Sub(d.sentAt) >= commitPatience {
		c.fail("it takes more than " + commitPatience.String())
	}
	if d.failing {
		c.release(d.intents, false)
		d.intents = d.intents[:0]
	}
	due := len(d.intents)+len(d.answers) > 0 && !d.failing || !c.now.Before(d.factsAt) || ev.Kind == Final
	if due && d.flight == nil {
		d.held, d.intents = d.intents, d.held[:0]
		c.out.Commit = c.commit(ev.Kind == Final, ev.Drained)
		d.flight, d.sentAt, d.factsAt = c.out.Commit, c.now, c.now.Add(c.cfg.FactsEvery)
	}
}

// committed takes the outcome of the commit under way.
func (c *Core) committed(ev Event) {
	d := &c.durable
	flight, held, cooled := d.flight, d.held, d.cooled
	d.flight, d.held, d.cooled = nil, nil, nil
	if ev.Err != "" {
		c.unsaved(flight)
		d.held = held
		c.fail(ev.Err)
		return
	}
	c.mended()
	d.bytes = ev.Bytes
	c.seen.InStore(flight.IDs)
	c.release(held, true)
	c.seen.Cool(cooled, timeline.MinuteOf(c.clock.At(c.now))-coolAge)
}

// mended takes a commit that succeeded: claims are made again at once, the log says so when it lasts.
func (c *Core) mended() {
	d := &c.durable
	if d.failing {
		d.failing, d.mendedAt = false, c.now
	}
	if !d.mendedAt.IsZero() && c.now.Sub(d.mendedAt) >= steady {
		d.mendedAt, d.complainedAt = time.Time{}, time.Time{}
		c.note(Info, "state is written again")
	}
}

// fail says that the state cannot be written: live Tweets go on, every claim stops.
func (c *Core) fail(why string) {
	d := &c.durable
	d.failing, d.mendedAt = true, time.Time{}
	c.release(d.held, false)
	d.held = nil
	if d.complainedAt.IsZero() || c.now.Sub(d.complainedAt) >= complainEvery {
		d.complainedAt = c.now
		c.note(Error, "cannot write state: %s; live Tweets go on, position and gaps freeze, nothing is asked of backfill or Replay; tried again every %v",
			printable(why), factsEvery)
	}
}

// release lets connections begin whose intents are durable. Where they cannot be, live ones begin without
// backfill, which would be a claim, and requests do not.
func (c *Core) release(held []*conn, durable bool) {
	for _, n := range held {
		switch {
		case n.job != nil && durable && !c.stopping:
			c.out.Requests = append(c.out.Requests, Ask{n.index, n.job.query, n.job.archive})
		case n.job != nil:
			c.withdraw(n)
		case c.stopping:
			n.state = waiting
			c.attempts.budget.End(c.now)
		default:
			if !durable && n.backfill > 0 {
				c.abandon(n)
				n.backfill = 0
				n.counters.Backfills--
			}
			c.out.Connect = append(c.out.Connect, Connect{n.index, n.backfill})
		}
	}
}

// unsaved takes back what a failed commit held; it goes with the next one.
func (c *Core) unsaved(k *ledger.Commit) {
	d := &c.durable
	d.retry = append(k.IDs, d.retry...)
	n := 0
	for i := len(d.retry) - 1; i >= 0; i-- {
		if n += len(d.retry[i].IDs); n > retryMost {
			d.retry = d.retry[i+1:]
			break
		}
	}
	for i := range k.Minutes {
		m := &k.Minutes[i]
		if r := c.account(m.Partition).book.Find(m.Minute); r != nil {
			r.Saved(false)
		}
	}
	c.volumes.History.Return(k.Hours)
	c.fills.Return(k.Fills)
	c.repairs.unrecord(k.Repairs)
	c.gaps.Return(k.Gaps)
	for i := range k.Requests {
		r := k.Requests[i]
		d.asked = append(d.asked, &r)
	}
	d.answers = append(k.Answers, d.answers...)
	d.steps = nil
}

// account of a partition by its number, that of unknown partitions included.
func (c *Core) account(id int) *partition {
	for _, p := range c.partitions {
		if p.id == id {
			return p
		}
	}
	return c.any
}

// settleFacts takes Tweets that settled, and lets what stood behind them count.
func (c *Core) settleFacts(all bool) []ledger.IDs {
	var groups []ledger.IDs
	for _, t := range c.inFlight.Settle(c.hasSettled(all)) {
		if t.ID == 0 {
			continue // dropped behind us
		}
		p, m := c.at(int(t.Partition)), t.Minute()
		c.repairs.settled(m, t.ID)
		if c.durable.on && c.bounds.Hold(m) {
			r := p.book.Row(m)
			r.Digest += ledger.Digest(t.ID)
			r.Saved(false)
			groups = group(groups, p.id, m, t)
		}
	}
	c.settleClaims()
	return groups
}

func group(all []ledger.IDs, partition int, m timeline.Minute, t inflight.Tweet) []ledger.IDs {
	for i := len(all) - 1; i >= 0; i-- {
		if g := &all[i]; g.Minute == m && g.Partition == partition {
			g.IDs = append(g.IDs, t.ID)
			return all
		}
	}
	return append(all, ledger.IDs{Partition: partition, Minute: m, IDs: []snowflake.ID{t.ID}})
}

// keep is the first minute that is still of use: all, while the stream's time is a guess, since a wrong clock of this
// host must not throw anything away.
func (c *Core) keep() timeline.Minute {
	if !c.clock.Set() || c.clock.Guessed() {
		return 0
	}
	return c.oldest()
}

// oldest is the first minute that is still of use, by the stream's time as it certainly was.
func (c *Core) oldest() timeline.Minute {
	return timeline.MinuteOf(c.clock.Sure(c.now) - c.ways.Reach().Milliseconds() - time.Hour.Milliseconds())
}

// commit gathers what is to be made durable now.
func (c *Core) commit(final, drained bool) *ledger.Commit {
	d := &c.durable
	d.seq++
	k := &ledger.Commit{Seq: d.seq, Keep: c.keep(), Moment: c.moment()}
	k.IDs = append(d.retry, c.settleFacts(final && drained)...)
	d.retry = nil
	k.Clean = final && drained && len(c.inFlight.Unsettled()) == 0 || c.cfg.Offline && c.wasClean
	u := c.unsettled()
	for _, s := range c.covers() {
		c.openMinutes(s.partition) // what is covered has rows
		c.recordPartition(k, &s, &u)
	}
	c.recordMinutes(k, c.any, nil, &u, 0)
	k.Hours = c.volumes.History.Take()
	c.repairs.record(k)
	c.recordSteps(k)
	k.Fills = c.fills.TakeRecords()
	for _, r := range d.asked {
		k.Requests = append(k.Requests, *r)
	}
	k.Connects = c.attempts.budget.Wall(c.now, c.wall)
	k.Answers, d.asked, d.answers = d.answers, nil, nil
	return k
}

// moment is now on all clocks.
func (c *Core) moment() ledger.Moment {
	m := ledger.Moment{Wall: c.wall, Boot: c.cfg.Started.Boot}
	if m.Boot != "" {
		m.Uptime = c.cfg.Started.Uptime + c.now.Sub(c.begun).Nanoseconds()
	}
	if c.clock.Set() {
		m.Stream = c.clock.Sure(c.now)
	}
	return m
}

// recordPartition adds a partition's gaps, minutes and position.
func (c *Core) recordPartition(k *ledger.Commit, s *cover, u *unsettled) {
	p := s.partition
	k.Gaps = append(k.Gaps, c.gaps.TakeRecords(p.index)...)
	if p.begin == 0 {
		return
	}
	was := p.position
	p.position = c.position(p, s, u)
	k.Partitions = append(k.Partitions, ledger.PartitionRecord{Partition: p.id, Begin: p.begin, Position: p.position})
	c.recordMinutes(k, p, s, u, was)
}

// recordMinutes adds the rows of a partition that changed. Those between its position and where that was change with it.
func (c *Core) recordMinutes(k *ledger.Commit, p *partition, s *cover, u *unsettled, was int64) {
	add := func(m timeline.Minute, r *ledger.Row) {
		r.Saved(true)
		if lost := p.book.StateOf(m, false) == ledger.Lost && m >= c.keep(); !c.bounds.Hold(m) && !lost {
			return // but what was given up stays so, wherever the stream's time is thought to be
		}
		rec := c.minuteRecord(p, s, u, m, r)
		k.Minutes = append(k.Minutes, rec)
		if copies := copyRecord(&rec, r); copies.Backfill+copies.Replay > 0 {
			k.Copies = append(k.Copies, copies)
		}
		if c.cfg.Acknowledged || r.Delivered+r.Refused > 0 {
			k.Deliveries = append(k.Deliveries, deliveryRecord(&rec, r))
		}
	}
	p.book.Unsaved(add)
	if s == nil || was == 0 {
		return
	}
	for m := timeline.MinuteOf(min(was, p.position)); m <= timeline.MinuteOf(max(was, p.position)); m++ {
		if r := p.book.Find(m); r != nil && !savedIn(k, p.id, m) {
			add(m, r)
		}
	}
}

func savedIn(k *ledger.Commit, partition int, m timeline.Minute) bool {
	for i := len(k.Minutes) - 1; i >= 0; i-- {
		if k.Minutes[i].Minute == m && k.Minutes[i].Partition == partition {
			return true
		}
	}
	return false
}

// minuteRecord is a row without what is not settled.
func (c *Core) minuteRecord(p *partition, s *cover, u *unsettled, m timeline.Minute, r *ledger.Row) ledger.MinuteRecord {
	loose := u.counts[account{p.index, m}]
	rec := ledger.MinuteRecord{Partition: p.id, Minute: m, Unique: r.Unique - loose, Duplicate: r.Duplicate,
		Bytes: r.Bytes, Digest: r.Digest, State: ledger.Open}
	rec.Received = rec.Unique + rec.Duplicate
	rec.Late, rec.Emitted = min(r.Late, rec.Unique), min(r.Emitted, rec.Unique)
	if s == nil {
		rec.State = ledger.Whole
		return rec
	}
	if over := r.Closed() || p.book.StateOf(m, false) == ledger.Lost; (m+1).Milli() <= p.position && over {
		v := s.volume(m)
		rec.Connections, rec.State = v.Connections, v.State
	}
	if p.position > m.Milli() && !u.doubts[account{p.index, m}] {
		rec.Covered = s.all.Within(timeline.Span{From: m.Milli(), To: min((m + 1).Milli(), p.position)})
	}
	return rec
}

// copyRecord says why the copies of a row came.
func copyRecord(rec *ledger.MinuteRecord, r *ledger.Row) ledger.CopyRecord {
	return ledger.CopyRecord{Partition: rec.Partition, Minute: rec.Minute, Backfill: r.Copies[ledger.Backfill], Replay: r.Copies[ledger.Replay]}
}

// deliveryRecord is what is tracked of a row's Tweets, without those that are not settled.
func deliveryRecord(rec *ledger.MinuteRecord, r *ledger.Row) ledger.DeliveryRecord {
	t := r.Tracked
	t.Untracked = min(t.Untracked, rec.Emitted)
	t.Delivered = min(t.Delivered, rec.Emitted-t.Untracked)
	return ledger.DeliveryRecord{Partition: rec.Partition, Minute: rec.Minute, Tracked: t}
}

// account names a row: the index of its partition, and its minute.
type account struct {
	partition int
	minute    timeline.Minute
}

func (a account) compare(b account) int {
	return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.partition, b.partition))
}

// unsettled are the Tweets that a killed process would lose: how many of each account, the oldest of each partition that
// backfill reaches, and the minutes of the live ones that are older than that.
type unsettled struct {
	counts map[account]int64
	oldest map[int]int64
	doubts map[account]bool
}

func (c *Core) unsettled() unsettled {
	u := unsettled{map[account]int64{}, map[int]int64{}, map[account]bool{}}
	reach := c.clock.At(c.now) - xapi.MaxBackfill.Milliseconds()
	for _, t := range c.inFlight.Unsettled() {
		if t.ID == 0 {
			continue // dropped behind us
		}
		ms := t.ID.Milli()
		a := account{int(t.Partition), t.Minute()}
		u.counts[a]++
		switch {
		case !t.Live:
		case ms < reach:
			u.doubts[a] = true
		case u.oldest[a.partition] == 0 || ms < u.oldest[a.partition]:
			u.oldest[a.partition] = ms
		}
	}
	for _, g := range c.durable.retry {
		u.counts[account{c.account(g.Partition).index, g.Minute}] += int64(len(g.IDs))
	}
	return u
}

// position is the id time up to which a partition is done: covered, less what may still be on its way, and
// everything written out and settled.
func (c *Core) position(p *partition, s *cover, u *unsettled) int64 {
	if c.cfg.Offline {
		return p.position
	}
	spans := s.all.Spans()
	if len(spans) == 0 {
		return max(p.position, p.begin)
	}
	end := spans[len(spans)-1].To
	if !c.gaps.Dark(p.index) { // the gap of a dark one begins where the settle time was taken off
		end -= settle.Milliseconds()
	}
	if o := u.oldest[p.index]; o != 0 {
		end = min(end, o)
	}
	return max(end, p.begin)
}
