package delivery

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// requireBooks adds up what the desk counts, while nobody works at it. Memory may hold so many Tweets too many.
func (l *life) requireBooks(slack int) {
	l.t.Helper()
	synctest.Wait()
	requireSums(l.t, l.desk, slack)
	l.wake <- struct{}{} // for the race detector: what the desk does next comes after this
	synctest.Wait()
}

func requireSums(t testing.TB, d *desk, slack int) {
	t.Helper()
	if d.stopping {
		return
	}
	inMemory, lent, unsafe, undelivered, again := 0, 0, 0, 0, 0
	seen := map[*parcel]bool{}
	count := func(p *parcel, mine bool) {
		require.False(t, seen[p], "in two places")
		seen[p] = true
		require.False(t, p.done)
		undelivered += p.n
		if !p.safe {
			unsafe += p.n
		}
		if mine {
			inMemory += p.n
		}
		if p.lent {
			lent += p.n
		}
		if p.again {
			again++
		}
	}
	all := func(parcels []*parcel, inSpool bool) {
		for _, p := range parcels {
			count(p, p.b != nil)
			require.Equal(t, inSpool, p.entry != 0 && p.safe)
		}
	}
	all(d.fresh, false)
	all(d.ahead, true)
	all(d.stored, true)
	for _, p := range d.waiting {
		count(p, p.b != nil)
		require.True(t, (p.b == nil) == (p.entry != 0), "what the spool has is not kept in memory")
	}
	for p := range d.under {
		count(p, true)
	}
	for _, j := range d.disk.jobs {
		countJob(d, j, count)
	}
	if !d.disk.busy {
		require.Equal(t, again, d.sink.putOff)
		require.Equal(t, inMemory, d.held)
		require.Equal(t, lent, d.lent)
		require.Equal(t, unsafe, d.unsafe())
		require.EqualValues(t, undelivered, d.undelivered)
	}
	require.LessOrEqual(t, d.held, d.cfg.Memory+slack)
	require.LessOrEqual(t, len(d.ahead)+d.reading, aheadMost*mostEver)
}

func countJob(d *desk, j *job, count func(*parcel, bool)) {
	switch {
	case j.task == cut:
		for _, p := range j.parts {
			count(p, true)
		}
	case j.p == nil || d.door != nil && d.door.p == j.p:
	default:
		count(j.p, true)
	}
}
