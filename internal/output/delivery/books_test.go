package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
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
	inMemory, lent, unsafe, undelivered, again, bytes, lentBytes := 0, 0, 0, 0, 0, 0, 0
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
			bytes += p.bytes
		}
		if p.lent {
			lent += p.n
			lentBytes += p.bytes
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
		require.Equal(t, [2]int{bytes, lentBytes}, [2]int{d.heldBytes, d.lentBytes})
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

// TestMemoryIsBoundedInBytes has few Tweets fill memory, and looks at the desk alone: what does not fit goes to the spool,
// giants get their turn, and all of it is given back.
func TestMemoryIsBoundedInBytes(t *testing.T) {
	const kib = 1 << 10
	batch := func(size int) *Batch {
		return &Batch{Lines: make([]byte, size), Tweets: []spool.Tweet{{Sent: ledger.Sent{ID: 1}, End: size}}}
	}
	cfg := testConfig(t, nil)
	cfg.Slots, cfg.Most, cfg.Memory, cfg.Bytes = 8, 10, 1000, 100*kib
	d := newDesk(&cfg, true)
	now := time.Now()
	give := func(size int) {
		d.give(now, &gift{b: batch(size), reply: make(chan error, 1)})
		d.pump(now)
	}
	for range 9 {
		give(10 * kib)
	}
	require.Nil(t, d.door)
	give(10 * kib)
	require.NotNil(t, d.door, "there is room for nine of them and their manifests")
	require.LessOrEqual(t, d.heldBytes, cfg.Bytes)

	now = now.Add(patienceMost)
	d.pump(now)
	j := d.job(now)
	require.Equal(t, store, j.task, "after a while it goes to the spool")
	j.ids = []int64{1}
	d.shelved(now, j)
	require.Nil(t, d.door)

	for len(d.under) > 0 {
		for p := range d.under {
			d.answered(now, p, Accepted, nil)
		}
		d.start = nil
		for j := d.job(now); j != nil; j = d.job(now) {
			j.forms = []*spool.Entry{{Lines: make([]byte, 10*kib), Tweets: make([]spool.Tweet, 1)}}
			d.shelved(now, j)
		}
		d.pump(now)
		requireSums(t, d, 0)
	}
	require.Zero(t, d.heldBytes)
	give(300 * kib)
	require.Nil(t, d.door, "one that is larger than memory is taken when there is room for half of it")
	give(300 * kib)
	require.NotNil(t, d.door, "and no second one")
}
