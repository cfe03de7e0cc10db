package decasim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// lastMessage is what ends a Replay, by the standard library's reading.
type lastMessage struct {
	Message     string    `json:"message"`
	Sent        time.Time `json:"sent"`
	Count       int       `json:"activity_count"`
	Failed      []string  `json:"minutes_failed"`
	Unprocessed *struct {
		From time.Time `json:"fromDate"`
		To   time.Time `json:"toDate"`
	} `json:"unprocessed_range"`
}

func (r *received) last(t *testing.T) (m lastMessage) {
	t.Helper()
	require.NotEmpty(t, r.notices)
	var root struct{ Info *lastMessage }
	require.NoError(t, json.Unmarshal([]byte(r.notices[len(r.notices)-1]), &root))
	require.NotNil(t, root.Info, r.notices)
	return *root.Info
}

// troubled makes one request while a fault is planned, and one more when it is over.
func troubled(t *testing.T, f Fault, check func(t *testing.T, got *received, want []snowflake.ID)) {
	for _, kind := range []string{"Replay", "Recovery"} {
		t.Run(kind, func(t *testing.T) {
			plan, w := NewFaultPlan(f), world.New(world.Config{Seed: 3, Rate: 2, Sparse: true})
			cfg := ServerConfig{Source: w, Faults: plan, ReplaySpeed: 30, RecoveryRate: 30, RecoveryPartition: PartitionOptional, HeartbeatEvery: time.Second, Tick: 200 * time.Millisecond}
			served(t, cfg, func(t *testing.T, s *rig) {
				s.strict = f.Kind == ReplayDamage
				ask := func() *received {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					defer cancel()
					if kind == "Replay" {
						return s.replay(ctx, from, to)
					}
					return s.recovery(ctx, "?x=1"+isoRange(from, to))
				}
				got, want := ask(), kept(w, 0, from, to)
				synctest.Wait()
				require.Empty(t, plan.Unfired(), "the fault must have fired")
				require.Equal(t, map[string]int{f.String(): 1}, plan.Fired())
				check(t, got, want)
				if got.status == 200 {
					requireSame(t, s.SentIDs(), unique(got))
					require.Equal(t, len(got.ids), s.Requests()[0].Sent)
				}
				again := ask()
				requireSame(t, want, unique(again))
				require.Equal(t, kind+" Request Completed", again.last(t).Message)
				require.Equal(t, len(want), again.last(t).Count)
			})
		})
	}
}

func subset(t *testing.T, want, got []snowflake.ID) {
	t.Helper()
	for _, id := range got {
		_, found := slices.BinarySearch(want, id)
		require.True(t, found)
	}
}

func fewer(t *testing.T, want, got []snowflake.ID) {
	t.Helper()
	require.Less(t, len(got), len(want))
	subset(t, want, got)
}

type troubleCase struct {
	fault Fault
	check func(*testing.T, *received, []snowflake.ID)
}

func runTroubles(t *testing.T, cases map[string]troubleCase) {
	for name, tc := range cases {
		tc.fault.Connection = AnyConnection
		t.Run(name, func(t *testing.T) { troubled(t, tc.fault, tc.check) })
	}
}

func TestRequestsThatEndBadly(t *testing.T) {
	runTroubles(t, map[string]troubleCase{
		"status": {Fault{Kind: ReplayStatus, Code: 403}, func(t *testing.T, got *received, _ []snowflake.ID) {
			require.Equal(t, 403, got.status)
		}},
		"cut by eof": {Fault{Kind: ReplayCut, AfterRecords: 100}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.Len(t, got.ids, 100)
			fewer(t, want, unique(got))
			require.True(t, strings.HasPrefix(string(got.tail), `{"created_at"`))
			require.Empty(t, got.notices)
		}},
		"cut by close": {Fault{Kind: ReplayCut, End: ModeClose}, func(t *testing.T, got *received, _ []snowflake.ID) {
			require.Less(t, len(got.ids), 20)
			require.NotEmpty(t, got.tail)
			require.Equal(t, "EOF", got.err.Error())
		}},
		"lost completed": {Fault{Kind: ReplayMute}, func(t *testing.T, got *received, want []snowflake.ID) {
			requireSame(t, want, unique(got))
			require.Empty(t, got.notices)
			require.Equal(t, "EOF", got.err.Error())
		}},
		"errors": {Fault{Kind: ReplayErrors, Share: 0.3}, func(t *testing.T, got *received, want []snowflake.ID) {
			m := got.last(t)
			require.Contains(t, m.Message, "Request Completed with Errors")
			require.Equal(t, len(got.ids), m.Count)
			require.NotEmpty(t, m.Failed)
			failed := map[string]bool{}
			for _, minute := range m.Failed {
				at, err := time.Parse(time.RFC3339, minute)
				require.NoError(t, err)
				require.Equal(t, minute, at.Format("2006-01-02T15:04:05+00:00"))
				require.True(t, !at.Before(from) && at.Before(to) && at.Second() == 0)
				failed[at.UTC().String()] = true
			}
			fewer(t, want, unique(got))
			for _, id := range want {
				if !failed[id.Time().Truncate(time.Minute).String()] {
					require.Contains(t, got.ids, id, "minutes that did not fail are whole")
				}
			}
		}},
		"failed after records": {Fault{Kind: ReplayFailed, AfterRecords: 300}, func(t *testing.T, got *received, want []snowflake.ID) {
			m := got.last(t)
			require.Contains(t, m.Message, "Request Failed to Complete")
			require.Equal(t, []int{300, 300}, []int{m.Count, len(got.ids)})
			requireWholeUntil(t, m, got, want)
			fewer(t, want, unique(got))
		}},
		"failed somewhere": {Fault{Kind: ReplayFailed}, func(t *testing.T, got *received, want []snowflake.ID) {
			requireWholeUntil(t, got.last(t), got, want)
		}},
	})
}

func TestRequestsWithTroubles(t *testing.T) {
	runTroubles(t, map[string]troubleCase{
		"count": {Fault{Kind: ReplayCount}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.Equal(t, len(want), got.last(t).Count)
			fewer(t, want, unique(got))
		}},
		"lie": {Fault{Kind: ReplayLie}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.Equal(t, []int{2, 2}, []int{got.last(t).Count, len(got.ids)}, "one of each partition, and the count agrees")
		}},
		"lie without a count": {Fault{Kind: ReplayLie, Variant: "no-count"}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.Equal(t, []int{0, 2}, []int{got.last(t).Count, len(got.ids)})
		}},
		"lie of a tenth": {Fault{Kind: ReplayLie, Variant: "tenth"}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.Equal(t, got.last(t).Count, len(got.ids))
			require.InDelta(t, len(want)/10, len(got.ids), float64(len(want))/20)
		}},
		"stray": {Fault{Kind: ReplayStray}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.Equal(t, len(got.ids), got.last(t).Count)
			require.Greater(t, len(unique(got)), len(want))
			subset(t, unique(got), want)
			require.True(t, unique(got)[0].Time().Before(from))
		}},
		"silence": {Fault{Kind: ReplaySilence, AfterRecords: 10, For: 2 * time.Minute}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.InDelta(t, 120, got.heartbeats, 20)
			require.LessOrEqual(t, got.longest, 1200*time.Millisecond)
			requireSame(t, want, unique(got))
		}},
		"stall": {Fault{Kind: ReplayStall, AfterRecords: 100, For: 2 * time.Minute}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.InDelta(t, 120, got.longest.Seconds(), 1)
			requireSame(t, want, unique(got))
		}},
		"stall for ever": {Fault{Kind: ReplayStall, AfterRecords: 10}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.ErrorContains(t, got.err, "deadline")
			fewer(t, want, unique(got))
		}},
		"damage": {Fault{Kind: ReplayDamage, Variant: "garbled"}, func(t *testing.T, got *received, want []snowflake.ID) {
			require.Equal(t, len(want), got.last(t).Count)
			require.Equal(t, len(want), len(got.invalid)+len(got.ids))
			require.NotEmpty(t, got.invalid)
		}},
	})
}

// requireWholeUntil wants all minutes before the unprocessed range.
func requireWholeUntil(t *testing.T, m lastMessage, got *received, want []snowflake.ID) {
	t.Helper()
	require.Equal(t, m.Count, len(got.ids))
	require.True(t, m.Unprocessed.To.Equal(to))
	require.False(t, m.Unprocessed.From.Before(from))
	for _, id := range want {
		if id.Time().Before(m.Unprocessed.From) {
			require.Contains(t, got.ids, id)
		}
	}
	for _, id := range got.ids {
		require.True(t, id.Time().Before(m.Unprocessed.From.Add(time.Minute)))
	}
}

func TestTroublesWaitForARequestTheyFit(t *testing.T) {
	plan := NewFaultPlan(
		Fault{Kind: ReplayCut, Times: 2, AfterRecords: 5, Every: time.Minute},
		Fault{Kind: ReplayMute, At: 30 * time.Second},
		Fault{Kind: ReplayStatus, For: 10 * time.Second, At: time.Hour},
		Fault{Kind: ReplaySilence, AfterRecords: 1 << 30})
	served(t, ServerConfig{Source: newWorld(4), Faults: plan, ReplaySpeed: -1, ReplayLimit: -1}, func(t *testing.T, s *rig) {
		ends := func() string {
			s.replay(t.Context(), from, to)
			all := s.Requests()
			return all[len(all)-1].End
		}
		require.Equal(t, "replay-cut", ends())
		require.Equal(t, "completed", ends(), "not again within a minute")
		time.Sleep(time.Minute)
		require.Equal(t, "replay-cut", ends(), "the lost message did not come about, and waits")
		require.Equal(t, "replay-lost-completed", ends())
		require.Equal(t, "completed", ends())
		time.Sleep(time.Until(noon.Add(time.Hour)))
		require.Equal(t, []string{"refused", "refused"}, []string{ends(), ends()})
		require.Equal(t, []string{"replay-silence@0s,connection=0,after-records=" + strconv.Itoa(1<<30)}, plan.Unfired())
		require.Equal(t, []int{7, 2, 2}, []int{s.Summary().Made, s.Summary().Completed, s.Summary().Refused})
	})
}

func TestOutageEndsAReplay(t *testing.T) {
	plan := NewFaultPlan(Fault{Kind: Outage, At: time.Minute, For: time.Minute})
	served(t, ServerConfig{Source: newWorld(4), Faults: plan}, func(t *testing.T, s *rig) {
		require.Error(t, s.replay(t.Context(), from, to).err)
		require.Equal(t, "rst", s.Requests()[0].End)
	})
}

func TestEachSlowReaderIsRefusedBackfill(t *testing.T) {
	plan := NewFaultPlan(Fault{Kind: SlowCut, At: 10 * time.Second, Partition: 1, Connection: EveryConnection})
	served(t, ServerConfig{Source: newWorld(40), Faults: plan}, func(t *testing.T, s *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg, cut sync.WaitGroup
		for range 2 {
			s.follow(ctx, &cut, "?partition=1")
			synctest.Wait()
		}
		other := s.follow(ctx, &wg, "?partition=2")
		cut.Wait()
		time.Sleep(time.Second)
		back := time.Now()
		var again []*received
		for range 3 { // the third has a slot that nobody was cut from
			again = append(again, s.follow(ctx, &wg, "?partition=1&backfillMinutes=1"))
			synctest.Wait()
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.False(t, unique(again[0])[0].Time().Before(back))
		require.False(t, unique(again[1])[0].Time().Before(back))
		require.True(t, unique(again[2])[0].Time().Before(back))
		require.NotEmpty(t, other.ids)
		cancel()
		wg.Wait()
	})
}

func TestRandomPlansWithRequestsAndLongOutages(t *testing.T) {
	kinds := map[Kind]bool{}
	for seed := range uint64(60) {
		plain := RandomOptions{Duration: time.Hour, Spacing: 2 * time.Minute, Backfill: true}
		rich := plain
		rich.Recovery, rich.Long, rich.Lies = true, true, true
		faults := RandomPlan(seed, rich).Faults()
		require.Equal(t, faults, RandomPlan(seed, rich).Faults())
		require.NotEqual(t, faults, RandomPlan(seed, plain).Faults())
		long, requests := 0, 0
		for i, f := range faults {
			kinds[f.Kind] = true
			again, err := ParseFault(f.String())
			require.NoError(t, err)
			require.Equal(t, f, again, f.String())
			if request[f.Kind] {
				requests++
				continue
			}
			if f.For > 5*time.Minute {
				long++
				for _, other := range faults[i+1:] {
					if !request[other.Kind] && other.At != f.At {
						require.Greater(t, other.At, f.At+f.For, "nothing else meanwhile")
					}
				}
			}
		}
		require.True(t, long >= 1 && requests >= 1 && requests <= 5, fmt.Sprint(faults))
	}
	for k := range request {
		require.True(t, kinds[k], k)
	}
}

// TestPlansOfOldSeeds: what was planned before there were requests is planned still.
func TestPlansOfOldSeeds(t *testing.T) {
	var all []string
	for _, f := range RandomPlan(7, RandomOptions{Duration: time.Minute, Backfill: true}).Faults() {
		all = append(all, f.String())
	}
	require.Equal(t, oldPlan, all)
}

var oldPlan = []string{
	"trickle@6.076361322s,partition=2,connection=any,for=3.333333333s",
	"disorder@16.577377831s,partition=1,connection=any,for=3.333333333s",
	"stall@25.643491839s,partition=2,connection=any,for=3.333333333s",
	"silence@36.625742218s,partition=1,connection=any,for=3.333333333s",
	"slow-cut@46.71977706s,partition=1,connection=0",
}
