package fill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core/gap"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

const m = timeline.Minute(1000)

// weighing is a scale of one partition, which lacks minute m, of about 6000 Tweets as the history has it.
func weighing() *Scale {
	rows, none := ledger.NewBook(1, 2), ledger.NewBook(ledger.AnyPartition, 0)
	s := &Scale{Rows: []*ledger.Book{rows}, Any: none, Gaps: gap.New([]*ledger.Book{rows}, none), History: ledger.NewHistory(),
		Season: func(timeline.Minute, int) int64 { return 0 }, Live: func(int) timeline.Set { return timeline.Set{} }}
	s.At((m + 60).Milli())
	s.Gaps.At(time.Unix(0, 0), (m + 60).Milli(), 0)
	s.Gaps.Lack(0, m.Span(), ledger.CauseOperator)
	return s
}

func (s *Scale) know(minutes ...timeline.Minute) {
	for _, k := range minutes {
		s.History.Set(1, k, 6000)
	}
}

func TestWeigh(t *testing.T) {
	s := weighing()
	require.Equal(t, refill.Unproven, s.Weigh(1, m, 6000).Fullness, "nothing to compare with")
	s.know(m-1, m+1)
	require.Equal(t, refill.Full, s.Weigh(1, m, 6000).Fullness)
	w := s.Weigh(1, m, 600)
	require.Equal(t, refill.Thin, w.Fullness)
	require.Equal(t, []int64{600, 6000}, []int64{w.Held, w.Expected})
	require.Equal(t, refill.Full, s.Weigh(1, m+1, NotAsked).Fullness, "nothing is missing of it")
	require.EqualValues(t, 6000, s.Usual(m))
}

// Who has a minute brings again what is known of it: one that brings next to nothing is not believed, whatever is missing.
func TestCopiesAreEvidence(t *testing.T) {
	s := weighing()
	for k := range int64(6000) {
		s.Rows[0].Row(m).PostUnique(m.Milli()+k*10, 100)
	}
	s.Gaps.Fill(0, m.Span(), "backfill")
	require.Equal(t, refill.Thin, s.Weigh(1, m, 3).Fullness)
	require.Equal(t, refill.Full, s.Weigh(1, m, NotAsked).Fullness)
}

// A minute that is asked for three times stands, and what is known of it is stored once, and again if that failed.
func TestMarks(t *testing.T) {
	f := NewMarks()
	require.Equal(t, ledger.FillFull, f.State(m))
	require.False(t, f.Doubt(m))
	require.False(t, f.Doubt(m))
	require.True(t, f.Doubt(m))
	require.True(t, f.Doubted(m))
	require.False(t, f.Disbelieve(m), "that is known")
	require.True(t, f.Disbelieve(m+1))
	f.Mark(m, Weighed{refill.Thin, 3, 60}, "replay", 7)
	require.Len(t, f.Thin(8), 1)
	require.EqualValues(t, 1, f.Count(ledger.FillThin))
	require.EqualValues(t, 1, f.ThinIn(&ledger.Gap{Span: m.Span(), State: ledger.GapRecovered}))
	require.Zero(t, f.ThinIn(&ledger.Gap{Span: m.Span()}))

	records := f.TakeRecords()
	require.Len(t, records, 2)
	require.EqualValues(t, 3, records[0].Times)
	require.Empty(t, f.TakeRecords())
	f.Return(records)
	require.Equal(t, records, f.TakeRecords())

	restored := NewMarks()
	restored.Restore(records)
	require.Equal(t, f.Record(m), restored.Record(m))
	require.Empty(t, restored.TakeRecords())

	f.Again(m, m+1)
	require.Equal(t, ledger.FillFull, f.TakeRecords()[0].State, "it is told once that nothing is known")
	require.Nil(t, f.Record(m))
	f.ForgetBefore(m + 2)
	require.Nil(t, f.Record(m+1))
}
