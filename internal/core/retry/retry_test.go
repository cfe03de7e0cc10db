package retry

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/source/xapi"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func Example() {
	for n := 1; n <= 8; n++ {
		fmt.Println(Network(n), Server(n, false), Server(n, true), Limit(n))
	}
	// Output:
	// 250ms 5s 5s 1m0s
	// 500ms 10s 10s 2m0s
	// 750ms 20s 20s 4m0s
	// 1s 40s 30s 8m0s
	// 1.25s 1m20s 30s 16m0s
	// 1.5s 2m40s 30s 16m0s
	// 1.75s 5m20s 30s 16m0s
	// 2s 5m20s 30s 16m0s
}

// Delays never shrink with more failures, never pass their bound, and no count of failures overflows them.
func TestDelaysAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		delay func(int) time.Duration
		most  time.Duration
	}{
		"network": {Network, xapi.MaxNetworkDelay},
		"server":  {func(n int) time.Duration { return Server(n, false) }, xapi.MaxServerDelay},
		"dark":    {func(n int) time.Duration { return Server(n, true) }, maxDarkDelay},
		"limit":   {Limit, maxLimitDelay},
		"refused": {Refused, MaxRefusedDelay},
		"passing": {Passing, maxPassingDelay},
	} {
		last := time.Duration(0)
		for n := 1; n < 1000; n++ {
			d := c.delay(n)
			require.GreaterOrEqual(t, d, last, name)
			require.LessOrEqual(t, d, c.most, name)
			last = d
		}
		require.Equal(t, c.most, last, name)
	}
}

func TestJitterAddsUpToATenth(t *testing.T) {
	j, again := NewJitter(7), NewJitter(7)
	least, most := time.Hour, time.Duration(0)
	for range 1000 {
		d := j.Of(time.Second)
		require.Equal(t, d, again.Of(time.Second))
		least, most = min(least, d), max(most, d)
	}
	require.GreaterOrEqual(t, least, time.Second)
	require.Less(t, least, 1005*time.Millisecond)
	require.LessOrEqual(t, most, 1100*time.Millisecond)
	require.Greater(t, most, 1095*time.Millisecond)
}

func TestPauseDoubles(t *testing.T) {
	var p Pause
	now := noon
	for _, want := range []time.Duration{10, 20, 40, 60, 60} {
		require.True(t, p.Over(now))
		p.Take(now, 10, 60)
		require.False(t, p.Over(now.Add(want-1)))
		now = now.Add(want)
	}
	p.Reset()
	p.Take(now, 10, 60)
	require.True(t, p.Over(now.Add(10)))
}

// However attempts begin, end and are withdrawn, and whatever is restored, in no period more of them begin than the limit
// allows: the right value is counted here from the starts and ends alone.
func TestBudgetIsASlidingLog(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	b, now := NewBudget(10, time.Minute), noon
	var starts []time.Time
	flight := 0
	for range 20_000 {
		now = now.Add(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		switch {
		case flight > 0 && rnd.IntN(2) == 0:
			b.End(now)
			flight--
		case b.Left(now) > 0:
			b.Start()
			flight++
			starts = append(starts, now)
		default:
			if free := b.Free(now); flight == 0 {
				require.True(t, free.After(now))
				now = free
				require.Positive(t, b.Left(now), "free says when")
			}
		}
		if k := len(starts) - 11; k >= 0 {
			require.GreaterOrEqual(t, starts[len(starts)-1].Sub(starts[k]), time.Minute, "the eleventh attempt of a period")
		}
		used, inFlight := b.Used()
		require.Equal(t, flight, inFlight)
		require.LessOrEqual(t, used, 10)
	}
}

func TestBudgetSurvivesARestart(t *testing.T) {
	b := NewBudget(3, time.Minute)
	for range 3 {
		b.Start()
	}
	b.End(noon)
	b.End(noon.Add(10 * time.Second))
	now := noon.Add(20 * time.Second)
	log := b.Wall(now, now.UnixNano())
	require.Len(t, log, 3, "what is under way counts from now on")
	for _, step := range []time.Duration{0, -time.Hour} { // a clock that was set back makes nothing older
		next := NewBudget(3, time.Minute)
		next.Restore(now, now.Add(step).UnixNano(), log)
		require.Zero(t, next.Left(now))
	}
	next := NewBudget(3, time.Minute)
	next.Restore(now, now.UnixNano(), log)
	require.Equal(t, 1, next.Left(noon.Add(time.Minute)))
	require.Equal(t, 3, next.Left(now.Add(time.Minute)))
	next.Start()
	next.Withdraw()
	require.Equal(t, 3, next.Left(now.Add(time.Minute)))
}

type attempt bool

func (a *attempt) Proving(time.Time, bool) bool { return bool(*a) }

func TestHoldHasOneProber(t *testing.T) {
	var h Hold
	first, other := new(attempt), new(attempt)
	h.Dialed(first)
	require.Equal(t, time.Time{}, h.Over(other, noon), "nothing failed: nobody waits")
	require.Equal(t, 5*time.Second, h.Failed(noon, noon, Passing))
	require.Equal(t, 3*time.Second, h.Failed(noon.Add(2*time.Second), noon.Add(-time.Second), Passing), "an attempt that was under way began no wait")
	require.Equal(t, noon.Add(5*time.Second), h.Over(other, noon))

	now := noon.Add(6 * time.Second)
	*first = true
	h.Dialed(first)
	require.Equal(t, now.Add(xapi.NetworkStep), h.Over(other, now), "another waits for the probe")
	require.Equal(t, noon.Add(5*time.Second), h.Over(first, now))
	*first = false
	require.Equal(t, noon.Add(5*time.Second), h.Over(other, now), "a probe that cannot succeed any more holds nobody")

	require.False(t, h.Proved(noon.Add(-time.Second)))
	require.True(t, h.Proved(now))
	require.Equal(t, 10*time.Second, h.Failed(now, now, Passing))
	n, since := h.Failures()
	require.Equal(t, 2, n)
	require.Equal(t, noon, since)
	h.Reset()
	require.False(t, h.FailedSince(time.Time{}))
}

func TestFailuresAreForgotten(t *testing.T) {
	h := Hold{Strict: true}
	h.Failed(noon, noon, Limit)
	later := noon.Add(forgottenAfter)
	require.Equal(t, time.Minute, h.Failed(later, later, Limit))
	n, since := h.Failures()
	require.Equal(t, 1, n)
	require.Equal(t, later, since)
	h.Reset()
	require.True(t, h.Strict)
}
