package snowflake

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKnownIDs(t *testing.T) {
	// From the contract: ms = (id >> 22) + 1288834974657; time = ms·10⁶ + node·976 + seq.
	id := ID((1772366400123-1288834974657)<<22 | 300<<12 | 7)
	require.Equal(t, int64(1772366400123), id.Milli())
	require.Equal(t, time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC), id.Time())
	ns, collided := id.Nano()
	require.Equal(t, int64(1772366400123_292807), ns)
	require.False(t, collided)
	require.Equal(t, id, FromNano(ns))
	require.Equal(t, int64(Epoch), ID(0).Milli())
	require.Equal(t, time.Date(2010, 11, 4, 1, 42, 54, 657e6, time.UTC), ID(0).Time())
}

func TestSequencesBeyondTheSpanCollide(t *testing.T) {
	for seq, collides := range map[ID]bool{0: false, 975: false, 976: true, 4095: true} {
		ns, collided := (First(Epoch+1) | 1023<<12 | seq).Nano()
		require.Equal(t, collides, collided, seq)
		require.Less(t, ns, int64((Epoch+2)*1e6), "stays within its millisecond")
	}
	a, _ := (First(Epoch+1) | 3).Nano()
	b, _ := (First(Epoch+1) | 3 + 976).Nano()
	require.Equal(t, a, b, "the collision that the flag announces")
}

func TestNanosOfAMillisecondDiffer(t *testing.T) {
	seen := make(map[int64]ID, 1024*nodeSpan)
	last := int64(math.MinInt64)
	for node := range ID(1024) {
		for seq := range ID(nodeSpan) {
			id := First(Epoch+5) | node<<12 | seq
			ns, collided := id.Nano()
			require.False(t, collided)
			if ns <= last || FromNano(ns) != id {
				t.Fatalf("id %d: ns %d after %d, back %d", id, ns, last, FromNano(ns))
			}
			seen[ns], last = id, ns
		}
	}
	require.Len(t, seen, 1024*nodeSpan)
	next, _ := First(Epoch + 6).Nano()
	require.Greater(t, next, last)
}

func TestFirstIsTheSmallest(t *testing.T) {
	for _, ms := range []int64{Epoch, Epoch + 1, 1772366400123, Epoch - 1} {
		require.Equal(t, ms, First(ms).Milli())
		require.Equal(t, ms-1, (First(ms) - 1).Milli())
	}
}

func TestBoundsDoNotPanic(t *testing.T) {
	for _, id := range []ID{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 22, 1<<22 - 1} {
		_, _ = id.Nano()
		_ = id.Time()
		_ = FromNano(int64(id))
		_ = First(int64(id)).Milli()
	}
	require.Less(t, ID(-1).Milli(), int64(Epoch))
}

func TestNanoFitsForAllIDs(t *testing.T) {
	ns, _ := ID(math.MaxInt64).Nano()
	require.Greater(t, ns, int64(0), "41 bits of milliseconds do not overflow nanoseconds")
	first, _ := ID(0).Nano()
	require.Greater(t, ns, first)
}

func TestOrderIsThatOfIDs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100000 {
		a, b := ID(r.Int64()), ID(r.Int64())
		checkPair(t, a, b)
		checkPair(t, a, a+ID(r.Int64N(5000)))
	}
}

func checkPair(t *testing.T, a, b ID) {
	t.Helper()
	na, ca := a.Nano()
	nb, cb := b.Nano()
	if ca || cb || a < 0 || b < 0 {
		return
	}
	if (a < b) != (na < nb) || (a == b) != (na == nb) {
		t.Fatalf("ids %d %d have times %d %d", a, b, na, nb)
	}
}

func FuzzNano(f *testing.F) {
	f.Add(int64(0), int64(1))
	f.Add(int64(math.MaxInt64), int64(math.MinInt64))
	f.Add(int64(2028077791958974471), int64(2028077791958974472))
	f.Fuzz(func(t *testing.T, x, y int64) {
		a := ID(x)
		ns, collided := a.Nano()
		if !collided && x >= 0 && FromNano(ns) != a {
			t.Fatalf("id %d comes back as %d", a, FromNano(ns))
		}
		_ = FromNano(y)
		checkPair(t, a, ID(y))
	})
}
