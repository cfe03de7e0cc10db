package store

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestOrders(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	want := ledger.Order{Kind: "recover", Partition: 1, From: 7, To: 9}
	id, err := PlaceOrder(dir, want)
	require.NoError(t, err)
	want.ID = id
	second, err := PlaceOrder(dir, ledger.Order{Kind: "forget"})
	require.NoError(t, err)
	require.Greater(t, second, id)
	got, err := s.Orders()
	require.NoError(t, err)
	require.Equal(t, []ledger.Order{want, {ID: second, Kind: "forget"}}, got)

	r, err := OpenReader(dir)
	require.NoError(t, err)
	_, known, err := r.Answer(id)
	require.NoError(t, err)
	require.False(t, known)
	answer := ledger.Answer{Order: id, Text: "done", Err: true}
	require.NoError(t, s.Commit(&ledger.Commit{Answers: []ledger.Answer{answer}}))
	got, err = s.Orders()
	require.NoError(t, err)
	require.Len(t, got, 1)
	told, known, err := r.Answer(id)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, answer, told)
	require.NoError(t, r.Close())
	require.NoError(t, s.Close())
}

func TestNoState(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "none")} {
		_, err := OpenReader(d)
		require.ErrorIs(t, err, ErrNoState)
		_, err = PlaceOrder(d, ledger.Order{})
		require.ErrorIs(t, err, ErrNoState)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestReaderBesideTheWriter(t *testing.T) {
	dir := t.TempDir()
	s, _ := mustOpen(t, dir)
	s.pruneEvery = 0
	h := newHistory(1)
	m := thisMinute() - 60*4
	require.NoError(t, s.Commit(h.commit(m, 5)))
	r, err := OpenReader(dir)
	require.NoError(t, err)
	require.True(t, r.Running())
	var writing sync.WaitGroup
	var failed error
	writing.Go(func() {
		for range 40 {
			if err := s.Commit(h.commit(m, 5)); err != nil {
				failed = err
			}
		}
	})
	for range 10 {
		p, err := r.Verify(nil)
		require.NoError(t, err)
		require.Empty(t, p.Problems)
	}
	writing.Wait()
	require.NoError(t, failed)

	rows, err := r.Minutes(m, m+1)
	require.NoError(t, err)
	require.Equal(t, []ledger.MinuteRecord{h.latest[key(m, 1)], h.latest[key(m, 2)]}, rows)
	rows, err = r.Minutes(m+1, m+100)
	require.NoError(t, err)
	require.Empty(t, rows)
	gaps, err := r.Gaps()
	require.NoError(t, err)
	require.Len(t, gaps, 1)
	parts, err := r.Partitions()
	require.NoError(t, err)
	require.Len(t, parts, 2)
	reqs, err := r.Requests()
	require.NoError(t, err)
	require.NotEmpty(t, reqs)
	at, err := r.Moment()
	require.NoError(t, err)
	require.Equal(t, m.Milli()+2, at.Stream)
	require.NoError(t, s.Close())
	require.False(t, r.Running())
	require.NoError(t, r.Close())
}

// A merge between the listing of blocks and their reading puts them elsewhere: what was listed is read from where it was.
func TestReadingAcrossAMerge(t *testing.T) {
	s, _ := mustOpen(t, t.TempDir())
	defer s.Close()
	h, m := newHistory(2), thisMinute()-60*4
	for range 5 {
		require.NoError(t, s.Commit(h.commit(m, 5)))
	}
	files := newHourFiles(s.dir, hourOf(m))
	defer files.close()
	blocks, skipped, err := files.listAll()
	require.NoError(t, err)
	require.Zero(t, skipped)
	require.NoError(t, s.ids.mergeOne(thisMinute()))
	require.Len(t, s.ids.hours[hourOf(m)].blocks[m], 2, "nothing was merged")

	sent, lost, err := files.sent(blocks)
	require.NoError(t, err)
	require.Zero(t, lost)
	require.Len(t, sent, 50)
}

// Hours that are pruned while Verify reads others are not missed.
func TestVerifyWhileHoursArePruned(t *testing.T) {
	s, _ := mustOpen(t, t.TempDir())
	defer s.Close()
	h, m := newHistory(2), thisMinute()-60*4
	for i := range timeline.Minute(4) {
		require.NoError(t, s.Commit(h.commit(m+60*i, 5)))
	}
	r, err := OpenReader(s.dir)
	require.NoError(t, err)
	defer r.Close()
	p, err := r.Verify(func(done, _ int) {
		if done == 1 {
			require.NoError(t, s.ids.prune(m+2*60, 1000))
		}
	})
	require.NoError(t, err)
	require.Empty(t, p.Problems)
	require.Equal(t, 20, p.IDs)
}

// Steps are those of the last commit that told any, and no others.
func TestSteps(t *testing.T) {
	dir := scratch(t)
	s, _, err := Open(dir, Options{Horizon: horizon})
	require.NoError(t, err)
	defer s.Close()
	r, err := OpenReader(dir)
	require.NoError(t, err)
	defer r.Close()
	a, b := ledger.StepRecord{Partition: 1, First: 7, Text: "Replay now", At: 9}, ledger.StepRecord{Partition: 2, First: 8, Text: "being asked (backfill)"}
	for _, c := range []struct{ told, want []ledger.StepRecord }{
		{[]ledger.StepRecord{a, b}, []ledger.StepRecord{a, b}},
		{nil, []ledger.StepRecord{a, b}},
		{[]ledger.StepRecord{b}, []ledger.StepRecord{b}},
		{[]ledger.StepRecord{}, nil},
	} {
		require.NoError(t, s.Commit(&ledger.Commit{Steps: c.told}))
		got, err := r.Steps()
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestVerify(t *testing.T) {
	dir, h := aged(t, false, true)
	verify := func() Report {
		r, err := OpenReader(dir)
		require.NoError(t, err)
		defer r.Close()
		steps := 0
		p, err := r.Verify(func(done, total int) {
			steps++
			require.Equal(t, steps, done)
			require.LessOrEqual(t, done, total)
		})
		require.NoError(t, err)
		require.Positive(t, steps)
		return p
	}
	p := verify()
	require.Zero(t, p.Bad, p.Problems)
	require.Zero(t, p.Ahead)
	require.Equal(t, 6*agedMinutes, p.IDs)
	require.Equal(t, 2*agedMinutes, p.Blocks)

	s, _ := mustOpen(t, dir)
	_, err := s.ids.write(newHistory(8).commit(thisMinute(), 1).IDs)
	require.NoError(t, err)
	_, err = s.db.Exec("UPDATE gaps SET cause = 'x' WHERE id = (SELECT min(id) FROM gaps)")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	p = verify()
	require.Equal(t, 1, p.Bad, p.Problems)
	require.Contains(t, p.Problems[0], "gaps: 1 rows")
	require.Equal(t, 2, p.Ahead)

	hours, err := hoursIn(dir)
	require.NoError(t, err)
	flip(t, hours[1].path(dir), headerLen+5, 1)
	require.NoError(t, os.Remove(hours[2].path(dir)))
	p = verify()
	require.Greater(t, p.Bad, 2)
	require.NotEmpty(t, h.rows)
}
