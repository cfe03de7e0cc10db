package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// requireBooks adds up what the scheduler counts, while nobody works at it. Memory may hold so many Tweets too many.
func (l *life) requireBooks(slack int) {
	l.t.Helper()
	synctest.Wait()
	requireSums(l.t, l.scheduler, slack)
	l.wake <- struct{}{} // for the race detector: what the scheduler does next comes after this
	synctest.Wait()
}

func requireSums(t testing.TB, s *scheduler, slack int) {
	t.Helper()
	if s.stopping {
		return
	}
	inMemory, fromSpool, unsafe, undelivered, again, bytes, fromSpoolBytes := 0, 0, 0, 0, 0, 0, 0
	seen := map[*part]bool{}
	count := func(p *part, mine bool) {
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
		if p.fromSpool {
			fromSpool += p.n
			fromSpoolBytes += p.bytes
		}
		if p.retried {
			again++
		}
	}
	all := func(parts []*part, inSpool bool) {
		for _, p := range parts {
			count(p, p.b != nil)
			require.Equal(t, inSpool, p.entry != 0 && p.safe)
		}
	}
	all(s.fresh, false)
	all(s.ahead, true)
	all(s.stored, true)
	for _, p := range s.waiting {
		count(p, p.b != nil)
		require.True(t, (p.b == nil) == (p.entry != 0), "what the spool has is not kept in memory")
	}
	for p := range s.inFlight {
		count(p, true)
	}
	for _, j := range s.disk.jobs {
		countJob(s, j, count)
	}
	if !s.disk.busy {
		require.Equal(t, again, s.sink.putOff)
		require.Equal(t, inMemory, s.held)
		require.Equal(t, fromSpool, s.fromSpool)
		require.Equal(t, [2]int{bytes, fromSpoolBytes}, [2]int{s.heldBytes, s.fromSpoolBytes})
		require.Equal(t, unsafe, s.unsafe())
		require.EqualValues(t, undelivered, s.undelivered)
	}
	require.LessOrEqual(t, s.held, s.cfg.Memory+slack)
	require.LessOrEqual(t, len(s.ahead)+s.reading, maxAhead*maxBatchEver)
}

func countJob(s *scheduler, j *job, count func(*part, bool)) {
	switch {
	case j.task == cut:
		for _, p := range j.parts {
			count(p, true)
		}
	case j.p == nil || s.offer != nil && s.offer.p == j.p:
	default:
		count(j.p, true)
	}
}

// TestMemoryIsBoundedInBytes has few Tweets fill memory, and looks at the scheduler alone: what does not fit goes to
// the spool, giants get their turn, and all of it is given back.
func TestMemoryIsBoundedInBytes(t *testing.T) {
	const kib = 1 << 10
	batch := func(size int) *Batch {
		return &Batch{Lines: make([]byte, size), Tweets: []spool.Tweet{{Sent: ledger.Sent{ID: 1}, End: size}}}
	}
	cfg := testConfig(t, nil)
	cfg.Slots, cfg.Most, cfg.Memory, cfg.Bytes = 8, 10, 1000, 100*kib
	s := newScheduler(&cfg, true)
	now := time.Now()
	give := func(size int) {
		s.setOffer(now, &offer{b: batch(size), reply: make(chan error, 1)})
		s.pump(now)
	}
	for range 9 {
		give(10 * kib)
	}
	require.Nil(t, s.offer)
	give(10 * kib)
	require.NotNil(t, s.offer, "there is room for nine of them and their manifests")
	require.LessOrEqual(t, s.heldBytes, cfg.Bytes)

	now = now.Add(maxPatience)
	s.pump(now)
	j := s.job(now)
	require.Equal(t, store, j.task, "after a while it goes to the spool")
	j.ids = []int64{1}
	s.jobDone(now, j)
	require.Nil(t, s.offer)

	for len(s.inFlight) > 0 {
		for p := range s.inFlight {
			s.answered(now, p, Accepted, nil)
		}
		s.start = nil
		for j := s.job(now); j != nil; j = s.job(now) {
			j.forms = []*spool.Entry{{Lines: make([]byte, 10*kib), Tweets: make([]spool.Tweet, 1)}}
			s.jobDone(now, j)
		}
		s.pump(now)
		requireSums(t, s, 0)
	}
	require.Zero(t, s.heldBytes)
	give(300 * kib)
	require.Nil(t, s.offer, "one that is larger than memory is taken when there is room for half of it")
	give(300 * kib)
	require.NotNil(t, s.offer, "and no second one")
}
