package dedup

import (
	"time"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// All are all witnesses there can be: what is said of an id of which none are kept.
const All = ^uint8(0)

// Set holds the ids seen within a window. Ids are bucketed by their own second, so that only 32
// bits of each need storing; a bucket is forgotten by its last touch (an insert or a hit), never
// by the age of its ids, so a Replay of hours three days old deduplicates like the live stream.
//
// Cost: about 7 bytes per id at 600 ids per second. Ids that each lie in a second of their own
// cost about 240 bytes each; SetLimit bounds the bytes, so that such input gets fewer ids and no more memory.
//
// Times should carry Go's monotonic reading, as time.Now's do: then a stepped wall clock forgets nothing.
//
// A Set has one owner and no locks.
type Set struct {
	window time.Duration
	limit  int64     // bytes
	start  time.Time // first now seen; times below are whole seconds since then
	tock   time.Time // the now that clock was computed from
	clock  int64     // never goes back: order of touch must equal order of the list

	index   index
	recent  *bucket // what find found last: Mark follows Seen, and ids come in bursts
	oldest  *bucket // list by last touch
	newest  *bucket
	open    []*bucket // those that still keep witnesses, in no order
	closed  int64     // seconds below this one keep no witnesses
	ids     int
	evicted int64
	forgot  func(from, to int64) // see OnForget
	stock   stock
}

// New returns an empty set that keeps an id at least window after the last touch of its bucket.
func New(window time.Duration) *Set {
	return &Set{window: window, closed: -1 << 62}
}

// SetLimit is a cap on the memory in use, in bytes, 0 for none; one growing bucket, and an eighth that waits to be used
// again, may come on top. When it is reached the bucket touched longest ago is forgotten, whatever its age, and its ids
// are counted in Evicted.
func (s *Set) SetLimit(bytes int64) { s.limit = bytes }

// OnForget has f called with the id time, in Unix ms, of each second that is forgotten: [from, to).
func (s *Set) OnForget(f func(from, to int64)) { s.forgot = f }

// Drop forgets the seconds that lie wholly within [from, to), Unix ms of id time.
func (s *Set) Drop(from, to int64) {
	for sec := floorDiv(from-snowflake.Epoch+999, 1000); (sec+1)*1000+snowflake.Epoch <= to; sec++ {
		if b := s.index.find(sec); b != nil {
			s.forget(b)
		}
	}
}

// Seen looks id up. known says it is in the set; its bucket is then touched, and witness (the
// index of a connection, 0 to 7) is recorded as having delivered it. before are those that had delivered it until
// now, a bit each. After CloseBefore no witnesses are kept: before is then All.
func (s *Set) Seen(id snowflake.ID, now time.Time, witness uint8) (known bool, before uint8) {
	sec, rest := split(id)
	b := s.find(sec)
	if b == nil {
		return false, 0
	}
	at := b.find(rest)
	if at < 0 {
		return false, 0
	}
	s.touch(b, now)
	return true, b.witness(at, witness)
}

// Mark puts id into the set as delivered by witness, and touches its bucket. Call it when Seen
// said unknown and the record proved whole: a damaged first copy must not shadow a good one.
func (s *Set) Mark(id snowflake.ID, now time.Time, witness uint8) {
	for s.limit > 0 && s.inUse() >= s.limit && s.oldest != nil {
		s.evicted += int64(s.oldest.ids())
		s.forget(s.oldest)
	}
	sec, rest := split(id)
	b := s.find(sec)
	if b == nil {
		b = s.create(sec)
	}
	s.touch(b, now)
	at, added := b.insert(rest, &s.stock)
	if added {
		s.ids++
	}
	b.witness(at, witness)
}

// CloseBefore drops the witnesses of all seconds that end at or before ms (Unix milliseconds of
// the ids' own time), and keeps none for such seconds from now on. The ids stay.
func (s *Set) CloseBefore(ms int64) {
	sec := floorDiv(ms-snowflake.Epoch, 1000)
	if sec <= s.closed {
		return
	}
	s.closed = sec
	for i := len(s.open) - 1; i >= 0; i-- {
		if b := s.open[i]; b.sec < sec {
			s.close(b)
		}
	}
}

// Expire forgets the buckets that were not touched for the window. Its cost is that of what it forgets.
func (s *Set) Expire(now time.Time) {
	s.tick(now)
	window := int64((s.window + time.Second - 1) / time.Second)
	for s.oldest != nil && s.clock-s.oldest.touched > window {
		s.forget(s.oldest)
	}
}

// Len is the number of ids held.
func (s *Set) Len() int { return s.ids }

// Evicted is the number of ids forgotten early because of SetLimit.
func (s *Set) Evicted() int64 { return s.evicted }

// inUse is Bytes without what waits to be used again.
func (s *Set) inUse() int64 { return s.Bytes() - s.stock.idle }

// Bytes is the memory held: tables, witnesses, buckets, index, and what waits to be used again.
func (s *Set) Bytes() int64 {
	return s.stock.bytes + int64(cap(s.index.slots))*8 + int64(cap(s.open))*8
}

// split cuts an id into its second and the 32 bits that, with the second, make the id again.
// The second is that of id>>22 (milliseconds since the snowflake epoch), not of Unix time: only
// so is the millisecond within it the division's remainder.
func split(id snowflake.ID) (sec int64, rest uint32) {
	ms := int64(id) >> 22
	sec = floorDiv(ms, 1000)
	return sec, uint32(ms-sec*1000)<<22 | uint32(id)&(1<<22-1)
}

func join(sec int64, rest uint32) snowflake.ID {
	return snowflake.ID((sec*1000+int64(rest>>22))<<22 | int64(rest&(1<<22-1)))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// tick moves the set's clock. A now that went back is taken as no time having passed.
func (s *Set) tick(now time.Time) {
	if now == s.tock { // identical, not merely the same instant: a whole batch has one now
		return
	}
	if s.start.IsZero() {
		s.start = now
	}
	s.tock = now
	s.clock = max(s.clock, int64(now.Sub(s.start)/time.Second))
}

func (s *Set) find(sec int64) *bucket {
	if s.recent != nil && s.recent.sec == sec {
		return s.recent
	}
	b := s.index.find(sec)
	if b != nil {
		s.recent = b
	}
	return b
}

func (s *Set) touch(b *bucket, now time.Time) {
	s.tick(now)
	if b.touched == s.clock {
		return
	}
	b.touched = s.clock
	if b != s.newest {
		s.unlink(b)
		s.link(b)
	}
}

func (s *Set) create(sec int64) *bucket {
	b := s.stock.bucket()
	b.sec, b.touched, b.openAt = sec, s.clock, -1
	b.setKeys(s.stock.keys(minSlots))
	if sec >= s.closed {
		b.seen = s.stock.seen(minSlots)
		b.openAt = len(s.open)
		s.open = append(s.open, b)
	}
	s.index.add(b)
	s.link(b)
	s.recent = b
	return b
}

func (s *Set) forget(b *bucket) {
	s.close(b)
	s.unlink(b)
	s.index.remove(b)
	s.recent = nil
	s.ids -= b.ids()
	from := b.sec*1000 + snowflake.Epoch
	s.stock.putKeys(b.keys)
	s.stock.putBucket(b)
	if s.forgot != nil {
		s.forgot(from, from+1000)
	}
}

func (s *Set) close(b *bucket) {
	if b.openAt < 0 {
		return
	}
	last := len(s.open) - 1
	s.open[b.openAt] = s.open[last]
	s.open[b.openAt].openAt = b.openAt
	s.open[last] = nil
	s.open = s.open[:last]
	s.stock.putSeen(b.seen)
	b.seen, b.openAt = nil, -1
}

func (s *Set) link(b *bucket) {
	b.older, b.newer = s.newest, nil
	if s.newest != nil {
		s.newest.newer = b
	} else {
		s.oldest = b
	}
	s.newest = b
}

func (s *Set) unlink(b *bucket) {
	if b.older != nil {
		b.older.newer = b.newer
	} else {
		s.oldest = b.newer
	}
	if b.newer != nil {
		b.newer.older = b.older
	} else {
		s.newest = b.older
	}
	b.older, b.newer = nil, nil
}
