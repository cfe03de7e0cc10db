package dedup

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(sec float64) time.Time { return t0.Add(time.Duration(sec * float64(time.Second))) }

// idAt is an id of the given second of the test, with the rest spelled out.
func idAt(sec, ms, node, seq int64) snowflake.ID {
	return snowflake.First(t0.UnixMilli()+sec*1000+ms) | snowflake.ID(node<<12|seq)
}

func known(s *Set, id snowflake.ID, now time.Time) bool {
	k, _ := s.Seen(id, now, 0)
	return k
}

func TestSplitLosesNothing(t *testing.T) {
	ids := []snowflake.ID{0, 1, -1, math.MaxInt64, math.MinInt64, 1<<22 - 1, 1000 << 22, 1000<<22 - 1, idAt(0, 999, 1023, 4095)}
	for range 10000 {
		ids = append(ids, snowflake.ID(rand.Uint64()))
	}
	for _, id := range ids {
		sec, rest := split(id)
		require.Equal(t, id, join(sec, rest))
		require.Less(t, rest>>22, uint32(1000))
	}
}

func TestNeighboursAreDifferent(t *testing.T) {
	base := idAt(10, 0, 0, 0)
	sec, rest := split(base)
	base = join(sec, 0) // the start of a bucket: its 32 bits are all 0
	_ = rest
	s := New(time.Minute)
	for i := snowflake.ID(-3); i <= 3; i++ {
		for _, step := range []snowflake.ID{1, 1 << 12, 1 << 22, 1000 << 22} {
			id := base + i*step
			if i == 0 {
				continue
			}
			require.False(t, known(s, id, t0), id)
			s.Mark(id, t0, 0)
			require.True(t, known(s, id, t0), id)
		}
	}
	require.False(t, known(s, base, t0), "the id of rest 0 is not an empty slot")
	s.Mark(base, t0, 0)
	require.True(t, known(s, base, t0))
	require.Equal(t, 25, s.Len())
}

func TestMarkTwiceCountsOnce(t *testing.T) {
	s := New(time.Minute)
	sec, _ := split(idAt(0, 0, 0, 0))
	for _, id := range []snowflake.ID{idAt(0, 1, 2, 3), join(sec, 0)} {
		s.Mark(id, t0, 0)
		s.Mark(id, t0, 1)
	}
	require.Equal(t, 2, s.Len())
}

func TestWitnesses(t *testing.T) {
	s := New(time.Minute)
	sec, _ := split(idAt(5, 0, 0, 0))
	for _, id := range []snowflake.ID{idAt(5, 1, 2, 3), join(sec, 0)} {
		s.Mark(id, t0, 1)
		k, before := s.Seen(id, t0, 0)
		require.True(t, k)
		require.Equal(t, uint8(0b10), before, "connection 1 had marked it, connection 0 delivers it for the first time")
		_, before = s.Seen(id, t0, 0)
		require.Equal(t, uint8(0b11), before)
		_, before = s.Seen(id, t0, 7)
		require.Equal(t, uint8(0b11), before)
		_, before = s.Seen(id, t0, 1)
		require.Equal(t, uint8(0b1000_0011), before)
	}
}

func TestWitnessesSurviveGrowth(t *testing.T) {
	s := New(time.Minute)
	for i := range int64(1000) {
		s.Mark(idAt(0, i, i%7, 0), t0, uint8(i%8))
	}
	for i := range int64(1000) {
		k, before := s.Seen(idAt(0, i, i%7, 0), t0, 0)
		require.True(t, k)
		require.Equal(t, uint8(1)<<(i%8), before)
	}
}

func TestCloseBefore(t *testing.T) {
	s := New(time.Minute)
	early, late := idAt(0, 0, 1, 0), idAt(3, 0, 1, 0)
	s.Mark(early, t0, 0)
	s.Mark(late, t0, 0)
	s.CloseBefore(early.Milli()) // the second of early has not ended
	_, before := s.Seen(early, t0, 1)
	require.Equal(t, uint8(1), before)
	s.CloseBefore(early.Milli() + 1000)
	k, before := s.Seen(early, t0, 2)
	require.True(t, k)
	require.Equal(t, All, before, "closed: nothing more is decided")
	_, before = s.Seen(late, t0, 1)
	require.Equal(t, uint8(1), before, "the later second is still open")

	straggler := idAt(0, 5, 1, 0)
	require.False(t, known(s, straggler, t0))
	s.Mark(straggler, t0, 0)
	_, before = s.Seen(straggler, t0, 1)
	require.Equal(t, All, before, "a new id of a closed second keeps no witnesses")
	s.CloseBefore(0)
	fresh := idAt(-100, 0, 0, 0)
	s.Mark(fresh, t0, 0)
	_, before = s.Seen(fresh, t0, 1)
	require.Equal(t, All, before, "closing never opens")
}

func TestExpiryIsByTouch(t *testing.T) {
	s := New(10 * time.Second)
	idle, hit, old := idAt(0, 1, 0, 0), idAt(1, 1, 0, 0), idAt(-3*86400, 1, 0, 0)
	for _, id := range []snowflake.ID{idle, hit, old} {
		s.Mark(id, at(0), 0)
	}
	require.True(t, known(s, hit, at(9)))
	s.Expire(at(10))
	require.Equal(t, 3, s.Len(), "kept at least the window")
	s.Expire(at(11))
	require.Equal(t, 1, s.Len())
	require.False(t, known(s, idle, at(11)))
	require.True(t, known(s, hit, at(11)))

	// An hour of three days ago comes by in disorder: age alone forgets nothing.
	for i := range 30 {
		s.Mark(old+snowflake.ID(i), at(12+float64(i)), 0)
		s.Expire(at(12 + float64(i)))
		require.True(t, known(s, old+snowflake.ID(i/2), at(12+float64(i))))
	}
	s.Expire(at(100))
	require.Zero(t, s.Len())
	require.Empty(t, s.open)
	require.Nil(t, s.newest)
}

func TestClockGoingBackForgetsNothing(t *testing.T) {
	s := New(10 * time.Second)
	s.Mark(idAt(0, 0, 0, 0), at(100), 0)
	s.Mark(idAt(1, 0, 0, 0), at(50), 0)
	s.Expire(at(0))
	s.Expire(at(105))
	require.Equal(t, 2, s.Len())
	s.Expire(at(111))
	require.Zero(t, s.Len())
}

func TestLimitForgetsTheOldestTouched(t *testing.T) {
	s := New(time.Hour)
	const limit = 24 << 10
	s.SetLimit(limit)
	for i := range int64(150) { // each in a second of its own
		s.Mark(idAt(-i*977, 0, 0, 0), at(float64(i)), 0)
		require.True(t, known(s, idAt(0, 0, 0, 0), at(float64(i))), "touched all the time")
		require.LessOrEqual(t, s.inUse(), int64(limit+512))
	}
	require.Greater(t, s.Evicted(), int64(25))
	require.Equal(t, int64(150), s.Evicted()+int64(s.Len()))
	for i := range int64(50_000) { // all in one second, which alone is more than the cap: it is hard
		s.Mark(idAt(7, i%1000, i/1000, i%4096), at(200), 0)
		require.LessOrEqual(t, s.inUse(), int64(3*limit))
	}
	require.NotZero(t, s.Len())
}

func TestSparseIdsStayBounded(t *testing.T) {
	s := New(time.Hour)
	const n, limit = 20000, 5 << 20
	s.SetLimit(limit)
	for i := range int64(3 * n) {
		s.Mark(idAt(i, i%1000, 0, 0), at(float64(i)/1000), 0)
	}
	require.LessOrEqual(t, s.Bytes(), int64(limit*5/4))
	require.LessOrEqual(t, float64(s.Bytes())/float64(s.Len()), 300.0, "what the doc comment of Set promises, and what lies in stock")
}

func TestRecycledTablesAreClean(t *testing.T) {
	s := New(time.Second)
	for round := range int64(50) {
		now := at(float64(round * 10))
		s.Expire(now)
		require.Zero(t, s.Len())
		for i := range int64(900) {
			id := idAt(round, i, round%5, i%3)
			require.False(t, known(s, id, now))
			s.Mark(id, now, 0)
			_, before := s.Seen(id, now, 1)
			require.Equal(t, uint8(1), before)
		}
	}
}

// model is the obvious implementation: a map, and a touch time per second of ids.
type model struct {
	ids     map[snowflake.ID]uint8
	touched map[int64]int64
}

func TestAgainstAMap(t *testing.T) {
	for seed := range uint64(10) {
		againstMap(t, rand.New(rand.NewPCG(seed, 1)), 20000)
	}
}

func againstMap(t *testing.T, r *rand.Rand, steps int) {
	const window = 20
	s, m := New(window*time.Second), model{map[snowflake.ID]uint8{}, map[int64]int64{}}
	clock := int64(0)
	for range steps {
		if r.IntN(200) == 0 {
			clock += r.Int64N(5)
			s.Expire(at(float64(clock)))
			m.expire(clock, window)
			require.Equal(t, len(m.ids), s.Len())
		}
		id := randomID(r, clock)
		sec, _ := split(id)
		w := uint8(r.IntN(8))
		k, before := s.Seen(id, at(float64(clock)), w)
		seen, has := m.ids[id]
		if k != has || k && before != seen {
			t.Fatalf("id %d: known %t, before %b; has %t, seen %b by %d", id, k, before, has, seen, w)
		}
		if !k {
			s.Mark(id, at(float64(clock)), w)
		}
		m.ids[id] = seen | 1<<w
		m.touched[sec] = clock
	}
}

func (m *model) expire(clock, window int64) {
	for id := range m.ids {
		if sec, _ := split(id); clock-m.touched[sec] > window {
			delete(m.ids, id)
		}
	}
}

func randomID(r *rand.Rand, clock int64) snowflake.ID {
	switch r.IntN(10) {
	case 0:
		return idAt(-3*86400+clock, r.Int64N(1000), r.Int64N(4), 0)
	case 1:
		return snowflake.ID(r.Uint64() >> r.IntN(64))
	default:
		return idAt(clock-r.Int64N(30), r.Int64N(100), r.Int64N(4), r.Int64N(2))
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte{1, 2, 3, 250, 9, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		s, m := New(3*time.Second), map[snowflake.ID]bool{}
		s.Mark(0, t0, 0)
		m[0] = true
		for i, op := range script {
			id := snowflake.ID(int64(op&15)*(999<<22) + int64(op>>4)<<12)
			if op == 255 {
				s.CloseBefore(snowflake.Epoch + int64(i)*1000)
			}
			k := known(s, id, t0)
			require.Equal(t, m[id], k)
			s.Mark(id, t0, 0)
			m[id] = true
			require.Equal(t, len(m), s.Len())
		}
		s.Expire(at(4))
		require.Zero(t, s.Len())
		require.Zero(t, s.index.n)
	})
}

// traffic is 600 ids a second, each once more 0 to 2.5 s later by the other connection.
type traffic struct {
	set   *Set
	r     *rand.Rand
	ring  [750]snowflake.ID
	batch []snowflake.ID
	ms    int64
	ids   int64
	spent time.Duration // by the set alone, not by making up the ids
}

func newTraffic(window time.Duration) *traffic {
	return &traffic{set: New(window), r: rand.New(rand.NewPCG(7, 7))}
}

// second plays one second of it.
func (f *traffic) second() {
	f.batch = f.batch[:0]
	for i := range int64(600) {
		id := idAt(0, f.ms+i*1000/600, f.r.Int64N(50)+300, f.r.Int64N(3))
		f.batch = append(f.batch, id)
		place := &f.ring[f.r.IntN(len(f.ring))]
		if *place != 0 {
			f.batch = append(f.batch, *place)
		}
		*place = id
	}
	f.ms += 1000
	now := t0.Add(time.Duration(f.ms) * time.Millisecond)
	f.ids += int64(len(f.batch))
	begin := time.Now()
	f.deliver(now)
	f.set.Expire(now)
	f.set.CloseBefore(now.UnixMilli() - 90_000)
	f.spent += time.Since(begin)
}

func (f *traffic) deliver(now time.Time) {
	for i, id := range f.batch {
		w := uint8(i & 1)
		if k, _ := f.set.Seen(id, now, w); !k {
			f.set.Mark(id, now, w)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	f := newTraffic(30 * time.Second)
	for range 200 {
		f.second()
	}
	require.Zero(t, testing.AllocsPerRun(500, f.second))
}

func TestBytesPerID(t *testing.T) {
	f := newTraffic(60 * time.Minute)
	for range 3700 { // the whole window, at 600 a second
		f.second()
	}
	per := float64(f.set.Bytes()) / float64(f.set.Len())
	t.Logf("%d ids, %.2f B/id", f.set.Len(), per)
	require.LessOrEqual(t, per, 8.0)
}

func BenchmarkSet(b *testing.B) {
	f := newTraffic(60 * time.Minute)
	for range 3700 {
		f.second()
	}
	b.ReportAllocs()
	b.ResetTimer()
	f.ids, f.spent = 0, 0
	for f.ids < int64(b.N) {
		f.second()
	}
	b.ReportMetric(float64(f.set.Bytes())/float64(f.set.Len()), "B/id")
	b.ReportMetric(float64(f.spent.Nanoseconds())/float64(f.ids), "ns/op")
}

func TestDropForgetsWholeSecondsOnly(t *testing.T) {
	s := New(time.Hour)
	var gone []int64
	s.OnForget(func(from, to int64) {
		require.Equal(t, from+1000, to)
		gone = append(gone, from)
	})
	now := time.Unix(1_800_000_000, 0)
	minute := int64(1_800_000_000_000)
	var ids []snowflake.ID
	for ms := minute - 2000; ms < minute+62_000; ms += 250 {
		id := snowflake.First(ms)
		ids = append(ids, id)
		s.Mark(id, now, 0)
	}
	s.Drop(minute, minute+60_000)
	for _, id := range ids {
		known, _ := s.Seen(id, now, 0)
		// Seconds of ids begin at the 657th millisecond of one of ours: the first and the last are cut in two.
		inside := id.Milli() >= minute+657 && id.Milli() < minute+59_657
		require.Equal(t, !inside, known, id.Milli()-minute)
	}
	require.Len(t, gone, 59)
}
