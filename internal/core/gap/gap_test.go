package gap

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/source/xapi"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const minute = timeline.MinuteMilli

// TestCut: of a gap from which whole minutes are taken, what is cut into is what is left and what was taken, nothing twice; minutes are settled that nothing left
// touches; and of the names, the first minutes, each is had by one.
func TestCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		gap := timeline.Span{From: rng.Int64N(3 * minute)}
		gap.To = gap.From + 1 + rng.Int64N(4*minute)
		part := timeline.Span{From: gap.From + rng.Int64N(gap.Len())}
		part.To = part.From + 1 + rng.Int64N(gap.To-part.From)
		first, end := part.Minutes()
		part = timeline.Span{From: first.Milli(), To: end.Milli()}.Intersect(gap)
		dark := rng.IntN(2) == 0
		checkCut(t, gap, part, dark, cut(gap, part, dark))
	}
}

func checkCut(t *testing.T, gap, part timeline.Span, dark bool, k cutting) {
	t.Helper()
	what := fmt.Sprintf("%v of %v, dark %v: %+v", part, gap, dark, k)
	var all, left, names timeline.Set
	all.Add(gap)
	all.Remove(part)
	var minutes int64
	for _, s := range []timeline.Span{k.front, k.back} {
		if s.Empty() {
			continue
		}
		left.Add(s)
		first, end := s.Minutes()
		names.Add(timeline.Span{From: first.Milli(), To: end.Milli()})
		require.False(t, dark && s == k.front && k.back.Empty(), "it goes on: %s", what)
	}
	if dark && part.To == gap.To { // a millisecond stands for what is to come
		require.Equal(t, timeline.Span{From: part.To, To: part.To + 1}, k.back, what)
		left.Remove(k.back)
	}
	require.Equal(t, fmt.Sprint(all.Spans()), fmt.Sprint(left.Spans()), what)
	require.Equal(t, len(left.Spans()) == 0 && !dark, k.whole, what)
	for m, end := gap.Minutes(); m < end; m++ {
		if all.Covered(m.Span()) == 0 {
			minutes++
		}
	}
	require.Equal(t, minutes, k.minutes, what)
	if k.whole {
		return
	}
	first, name := timeline.MinuteOf(gap.From), timeline.MinuteOf(part.From)
	heirs := 0
	for _, s := range []timeline.Span{k.front, k.back} {
		if !s.Empty() && timeline.MinuteOf(s.From) == first {
			heirs++
		}
	}
	if k.own {
		require.True(t, heirs == 0 || name != first, "the part has a name that is left: %s", what)
	}
	require.Equal(t, k.keeps, k.front.Empty() && heirs == 1, what)
	require.True(t, k.own || heirs > 0, "nobody has the gap's name: %s", what)
}

// bench is a book of one partition, and what it should hold.
type bench struct {
	*Book
	rows  *ledger.Book
	model timeline.Set // minutes
}

func newBench() *bench {
	rows := ledger.NewBook(1, 2)
	k := &bench{Book: New([]*ledger.Book{rows}, ledger.NewBook(ledger.AnyPartition, 0)), rows: rows}
	k.At(time.Unix(0, 0).Add(time.Hour), 60*minute, 60*minute*1e6)
	return k
}

// TestBook lacks spans, and fills and loses whole minutes, in any order: the gaps hold the minutes that are missing, share no minute, and each name
// that was told of is at the end told of as it is.
func TestBook(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		k := newBench()
		told := map[timeline.Minute]ledger.Gap{}
		stored := map[timeline.Minute]ledger.GapRecord{}
		for range 60 {
			s := timeline.Span{From: rng.Int64N(20 * minute)}
			s.To = s.From + 1 + rng.Int64N(5*minute)
			first, end := s.Minutes()
			whole := timeline.Span{From: first.Milli(), To: end.Milli()}
			switch rng.IntN(3) {
			case 0:
				k.Lack(0, s, ledger.CauseOperator)
				k.model.Add(whole)
			case 1:
				k.Fill(0, whole, "backfill")
				k.model.Remove(whole)
			default:
				k.Lose(0, whole)
				k.model.Remove(whole)
			}
			k.check(t)
			for _, g := range k.TakeChanged() {
				told[timeline.MinuteOf(g.Span.From)] = g
			}
			for _, r := range k.TakeRecords(0) {
				stored[timeline.MinuteOf(r.Span.From)] = r
			}
			for _, g := range k.Of(0) {
				m := timeline.MinuteOf(g.Span.From)
				first, end := g.Minutes()
				toldFirst, toldEnd := (&ledger.Gap{Span: told[m].Span}).Minutes()
				require.Equal(t, []any{first, end, g.State}, []any{toldFirst, toldEnd, told[m].State}, "told of %v", m)
				require.Equal(t, g.Record(), stored[m], "stored of %v", m)
			}
		}
		for m, g := range told {
			if g.State == ledger.GapOpen {
				require.NotZero(t, k.Of(0), m)
				require.True(t, k.named(m), "gap of minute %v stays open for ever", m)
			}
		}
	}
}

func (k *bench) named(m timeline.Minute) bool {
	for _, g := range k.Of(0) {
		if timeline.MinuteOf(g.Span.From) == m {
			return true
		}
	}
	return false
}

func (k *bench) check(t *testing.T) {
	t.Helper()
	var held timeline.Set
	last := timeline.Minute(-1)
	for _, g := range k.Of(0) {
		first, end := g.Minutes()
		require.Greater(t, first, last-1, "two gaps share a minute")
		last = end
		held.Add(timeline.Span{From: first.Milli(), To: end.Milli()})
	}
	require.Equal(t, fmt.Sprint(k.model.Spans()), fmt.Sprint(held.Spans()))
}

// A gap that goes on ends where the partition is delivered again; filled meanwhile, it still goes on.
func TestDarkGap(t *testing.T) {
	k := newBench()
	k.Open(0, timeline.Span{From: 50 * minute, To: 50*minute + 1}, "reset", true, time.Time{})
	require.True(t, k.Dark(0))
	require.Equal(t, timeline.Span{From: 50 * minute, To: 60 * minute}, k.Whole(k.Of(0)[0]))
	k.Fill(0, timeline.Span{From: 50 * minute, To: 60 * minute}, "replay")
	require.True(t, k.Dark(0), "its end is not known")
	k.Covered(0, 61*minute)
	require.False(t, k.Dark(0))
	require.Equal(t, timeline.Span{From: 60 * minute, To: 61 * minute}, k.Of(0)[0].Span)
	recovered, lost := k.Settled()
	require.Equal(t, []int64{10, 0}, []int64{recovered, lost})
}

// Where the connections overlapped nothing was missing, and nothing counts as recovered.
func TestGapThatWasNone(t *testing.T) {
	k := newBench()
	k.Open(0, timeline.Span{From: 50 * minute, To: 50*minute + 1}, "reset", true, time.Time{})
	k.Covered(0, 49*minute)
	require.Empty(t, k.Of(0))
	changed := k.TakeChanged()
	require.Equal(t, Redundant, changed[len(changed)-1].FilledBy)
	recovered, _ := k.Settled()
	require.Zero(t, recovered)
}

// A gap that opens in the minute of the last one, or the next, is the same one, which somebody has to be asked for anew.
func TestOpenMerges(t *testing.T) {
	k := newBench()
	k.Open(0, timeline.Span{From: 50 * minute, To: 51 * minute}, "reset", true, time.Time{})
	k.Ask(0, 4, 40*minute)
	i, asked := k.Of(0)[0].Asker()
	require.Equal(t, []any{4, true}, []any{i, asked})
	k.Covered(0, 51*minute)
	k.Open(0, timeline.Span{From: 52*minute - 1, To: 52 * minute}, xapi.FullBuffer, true, time.Time{})
	require.Len(t, k.Of(0), 1)
	_, asked = k.Of(0)[0].Asker()
	require.False(t, asked)
	require.True(t, k.Of(0)[0].Full)
}

// Of a gap that began within what a backfill asks for, the settle time in it is margin enough; but not of what a killed
// process wrote last.
func TestPromise(t *testing.T) {
	settle := timeline.Settle.Milliseconds()
	for _, k := range []struct {
		cause string
		from  int64 // of the gap, against how far the backfill reaches
		want  int64
	}{
		{"reset", 0, 0},
		{"reset", -1, settle},
		{ledger.CauseCrash, maxAskDelay.Milliseconds(), 0},
		{ledger.CauseCrash, maxAskDelay.Milliseconds() - 1, settle},
	} {
		b := newBench()
		b.Open(0, timeline.Span{From: 50*minute + k.from, To: 53 * minute}, k.cause, false, time.Time{})
		b.Ask(0, 0, 50*minute)
		g := b.Of(0)[0]
		require.Equal(t, 50*minute+k.want, g.Asked, k)
		require.True(t, g.Promises(51))
		g.JudgedAt = time.Unix(0, 0)
		require.False(t, g.Promises(51), "it was looked at")
		b.Release(0, 0)
		require.False(t, g.Promises(51))
	}
}

// A gap is open again when neither a connection nor a request is asked for it.
func TestUnask(t *testing.T) {
	k := newBench()
	k.Lack(0, timeline.Span{From: 50 * minute, To: 51 * minute}, ledger.CauseOperator)
	k.Ask(0, 0, 0)
	k.Requested(0, 0)
	nobody := func(int, timeline.Span) bool { return false }
	k.Unask(nobody)
	require.Equal(t, ledger.GapRequested, k.Of(0)[0].State, "the backfill was not judged")
	k.Release(0, 0)
	k.Unask(func(partition int, _ timeline.Span) bool { return partition == 1 })
	require.Equal(t, ledger.GapRequested, k.Of(0)[0].State, "a request asks for it")
	k.Unask(nobody)
	require.Equal(t, ledger.GapOpen, k.Of(0)[0].State)
	require.EqualValues(t, 1, k.Of(0)[0].Record().Asked)
}

// What could not be stored is stored first the next time, and what is told of changes once.
func TestRecords(t *testing.T) {
	k := newBench()
	k.Lack(0, timeline.Span{From: 50 * minute, To: 52 * minute}, ledger.CauseOperator)
	first := k.TakeRecords(0)
	require.Len(t, first, 1)
	require.Empty(t, k.TakeRecords(0))
	k.Return(first)
	k.Fill(0, timeline.Span{From: 50 * minute, To: 52 * minute}, "replay")
	all := k.TakeRecords(0)
	require.Equal(t, first[0], all[0])
	require.Equal(t, ledger.GapRecovered, all[1].State)
	changes := k.Changes()
	k.Grown(0)
	require.Equal(t, changes, k.Changes())

	restored := newBench()
	restored.Restore(0, first[0])
	require.Empty(t, restored.TakeRecords(0), "it is stored so")
	require.Equal(t, first[0].Span, restored.Of(0)[0].Span)
}
