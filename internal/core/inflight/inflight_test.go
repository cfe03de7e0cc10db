package inflight

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func Example() {
	var q Queue
	for id := range snowflake.ID(5) {
		q.Push(Tweet{ID: id + 1})
	}
	q.Wrote(2, noon, noon.UnixNano())
	q.Wrote(2, noon.Add(time.Second), noon.UnixNano())
	for _, t := range q.Settle(func(w *Write) bool { return !w.At.After(noon) }) {
		fmt.Println("settled", t.ID)
	}
	fmt.Println(q.Pushed(), "pushed,", q.Written(), "written,", q.Settled(), "settled")
	// Output:
	// settled 1
	// settled 2
	// 5 pushed, 4 written, 2 settled
}

func TestMinute(t *testing.T) {
	x := Tweet{ID: snowflake.ID(5_000_000 << 22)}
	require.Equal(t, timeline.MinuteOf(x.ID.Milli()), x.Minute())
	x.Elsewhere = true
	require.Equal(t, ledger.Elsewhere, x.Minute())
}

func TestMoreWrittenThanEmittedIsABug(t *testing.T) {
	var q Queue
	q.Push(Tweet{ID: 1})
	require.Nil(t, q.Wrote(0, noon, 0))
	require.PanicsWithValue(t, "BUG: more Tweets were written than emitted", func() { q.Wrote(2, noon, 0) })
}

// Tweets leave once each, in their order, when their write has settled and not before, unless they were dropped: however
// pushes, writes and settling follow each other. A plain slice of all Tweets says what is right.
func TestTweetsLeaveInTheirOrder(t *testing.T) {
	type truth struct {
		at   time.Time
		gone bool
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var q Queue
		var all []truth
		pushed, written, settled := 0, 0, 0
		now := noon
		for range 300 {
			now = now.Add(time.Duration(rnd.IntN(2000)) * time.Millisecond)
			switch rnd.IntN(4) {
			case 0:
				for range rnd.IntN(50) {
					pushed++
					q.Push(Tweet{ID: snowflake.ID(pushed)})
					all = append(all, truth{})
				}
			case 1:
				n := rnd.IntN(pushed - written + 1)
				for _, x := range q.Wrote(n, now, now.UnixNano()) {
					require.Equal(t, snowflake.ID(written+1), x.ID)
					all[written].at = now
					written++
				}
			case 2:
				before := now.Add(-10 * time.Second)
				for _, x := range q.Settle(func(w *Write) bool { return !w.At.After(before) }) {
					require.False(t, all[settled].at.After(before))
					if all[settled].gone {
						require.Zero(t, x.ID)
					} else {
						require.Equal(t, snowflake.ID(settled+1), x.ID)
					}
					settled++
				}
				require.True(t, settled == written || all[settled].at.After(before), "what has settled leaves")
			case 3:
				from, to := now.Add(-2*time.Second), now.Add(-time.Second)
				q.Drop(from.UnixNano(), to.UnixNano(), func(x Tweet) {
					d := &all[x.ID-1]
					require.False(t, d.gone || d.at.Before(from) || d.at.After(to))
					d.gone = true
				})
				for i := settled; i < written; i++ {
					require.Equal(t, all[i].gone, all[i].gone || !all[i].at.Before(from) && !all[i].at.After(to), "all of the time are dropped")
				}
			}
			require.Equal(t, []uint64{uint64(pushed), uint64(written), uint64(settled)}, []uint64{q.Pushed(), q.Written(), q.Settled()})
			require.Len(t, q.Unsettled(), pushed-settled)
		}
	}
}

// A burst gives its memory back.
func TestABurstGivesItsMemoryBack(t *testing.T) {
	var q Queue
	for range 8 * keptRoom {
		q.Push(Tweet{ID: 1})
	}
	q.Wrote(8*keptRoom, noon, 0)
	for range 2 {
		q.Settle(func(*Write) bool { return true })
	}
	require.LessOrEqual(t, cap(q.tweets), keptRoom)
}

func BenchmarkQueue(b *testing.B) {
	var q Queue
	b.ReportAllocs()
	for i := range b.N {
		q.Push(Tweet{ID: snowflake.ID(i + 1)})
		if i%100 == 99 {
			q.Wrote(100, noon, 0)
			q.Settle(func(*Write) bool { return true })
		}
	}
}
