package decasim

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// faulty runs one fault against one connection to partition 1, for a minute at most.
func faulty(t *testing.T, f Fault, d time.Duration, check func(t *testing.T, s *rig, got *received)) {
	t.Helper()
	plan := NewFaultPlan(f)
	cfg := ServerConfig{Source: newWorld(40), Faults: plan, Level: -2, HeartbeatEvery: time.Second}
	simulate(t, cfg, d, []string{"?partition=1"}, func(t *testing.T, s *rig, got []*received) {
		require.Empty(t, plan.Unfired(), "the fault must have fired")
		require.NotEmpty(t, plan.Fired())
		check(t, s, got[0])
	})
}

func TestFaultsThatEndAConnection(t *testing.T) {
	cut := func(tail func(*testing.T, []byte), err error) func(*testing.T, *rig, *received) {
		return func(t *testing.T, s *rig, got *received) {
			require.ErrorIs(t, got.err, err)
			require.Zero(t, s.Summary().Live)
			tail(t, got.tail)
			require.NotEmpty(t, got.ids)
			requireSame(t, s.SentIDs(), unique(got))
			require.Empty(t, got.invalid)
		}
	}
	none := func(t *testing.T, tail []byte) { require.Empty(t, tail) }
	any := func(*testing.T, []byte) {}
	for _, tc := range []struct {
		fault Fault
		check func(*testing.T, *rig, *received)
	}{
		{Fault{Kind: CutRecord, At: 3 * time.Second}, cut(func(t *testing.T, tail []byte) {
			require.True(t, strings.HasPrefix(string(tail), `{"created_at"`))
		}, io.ErrUnexpectedEOF)},
		{Fault{Kind: CutGzip, At: 3 * time.Second}, cut(any, io.ErrUnexpectedEOF)},
		{Fault{Kind: CutUTF8, At: 3 * time.Second}, cut(func(t *testing.T, tail []byte) {
			require.False(t, utf8.Valid(tail))
		}, io.ErrUnexpectedEOF)},
		{Fault{Kind: CutCRLF, At: 3 * time.Second, End: ModeClose}, cut(func(t *testing.T, tail []byte) {
			require.True(t, strings.HasSuffix(string(tail), "}\r"))
		}, io.EOF)},
		{Fault{Kind: Reset, At: 3 * time.Second}, cut(none, io.ErrUnexpectedEOF)},
		{Fault{Kind: Close, AfterRecords: 40}, cut(none, io.EOF)},
		{Fault{Kind: CloseMessage, AfterConnect: 3 * time.Second}, func(t *testing.T, _ *rig, got *received) {
			require.ErrorIs(t, got.err, io.EOF)
			require.Len(t, got.notices, 1)
			require.Contains(t, got.notices[0], "operational reasons")
		}},
		{Fault{Kind: SlowCut, At: 3 * time.Second}, func(t *testing.T, s *rig, got *received) {
			require.Contains(t, got.notices[0], "maximum allowed backup")
			require.Greater(t, len(s.OfferedIDs()), len(s.SentIDs()))
		}},
		{Fault{Kind: AcceptClose}, func(t *testing.T, _ *rig, got *received) {
			require.Equal(t, 200, got.status)
			require.ErrorIs(t, got.err, io.EOF)
			require.Empty(t, got.ids)
		}},
		{Fault{Kind: Status, Code: 503, For: time.Second}, func(t *testing.T, _ *rig, got *received) {
			require.Equal(t, 503, got.status)
			require.Contains(t, got.body, "transactionId")
		}},
	} {
		t.Run(string(tc.fault.Kind), func(t *testing.T) { faulty(t, tc.fault, 8*time.Second, tc.check) })
	}
}

func TestFaultsThatLast(t *testing.T) {
	whole := func(t *testing.T, s *rig, got *received) {
		requireSame(t, s.OfferedIDs(), unique(got))
		requireSame(t, s.SentIDs(), unique(got))
	}
	for _, tc := range []struct {
		fault Fault
		check func(*testing.T, *rig, *received)
	}{
		{Fault{Kind: Stall, At: 3 * time.Second, For: 8 * time.Second}, func(t *testing.T, s *rig, got *received) {
			require.GreaterOrEqual(t, got.longest, 7900*time.Millisecond)
			whole(t, s, got)
		}},
		{Fault{Kind: Silence, At: 3 * time.Second, For: 8 * time.Second}, func(t *testing.T, s *rig, got *received) {
			require.LessOrEqual(t, got.longest, 1100*time.Millisecond)
			require.GreaterOrEqual(t, got.heartbeats, 6)
			whole(t, s, got)
		}},
		{Fault{Kind: Trickle, At: 3 * time.Second, For: 8 * time.Second}, func(t *testing.T, s *rig, got *received) {
			require.LessOrEqual(t, got.longest, 1100*time.Millisecond)
			require.Zero(t, got.heartbeats)
			whole(t, s, got)
		}},
		{Fault{Kind: Loss, At: 3 * time.Second, For: 8 * time.Second, Share: 0.3}, func(t *testing.T, s *rig, got *received) {
			require.Greater(t, len(s.OfferedIDs()), len(unique(got)))
			requireSame(t, s.SentIDs(), unique(got))
		}},
		{Fault{Kind: Duplicate, At: 3 * time.Second, For: 8 * time.Second}, func(t *testing.T, s *rig, got *received) {
			require.Greater(t, len(got.ids), len(unique(got)))
			whole(t, s, got)
		}},
		{Fault{Kind: Disorder, At: 3 * time.Second, For: 8 * time.Second, Spread: 3 * time.Second}, func(t *testing.T, s *rig, got *received) {
			worst := time.Duration(0)
			for i, id := range got.ids {
				worst = max(worst, slices.Max(got.ids[:i+1]).Time().Sub(id.Time()))
			}
			require.Greater(t, worst, 2*time.Second)
			whole(t, s, got)
		}},
		{Fault{Kind: Burst, At: 3 * time.Second, For: 8 * time.Second, Factor: 10}, func(t *testing.T, s *rig, got *received) {
			require.InDelta(t, 20*7+200*8, len(got.ids), 250)
			whole(t, s, got)
		}},
	} {
		t.Run(string(tc.fault.Kind), func(t *testing.T) { faulty(t, tc.fault, 15*time.Second, tc.check) })
	}
}

func TestDamage(t *testing.T) {
	for _, variant := range Variants {
		t.Run(variant, func(t *testing.T) {
			f := Fault{Kind: Damage, At: 2 * time.Second, For: 6 * time.Second, Share: 0.2, Variant: variant, Size: 300_000}
			faulty(t, f, 10*time.Second, func(t *testing.T, s *rig, got *received) {
				switch variant {
				case "unknown", "notice", "delete":
					require.NotEmpty(t, got.notices)
					requireSame(t, s.OfferedIDs(), unique(got))
					requireSame(t, s.SentIDs(), unique(got))
				case "braces", "keys", "digits", "minutes", "deep", "blanks":
					requireSame(t, s.OfferedIDs(), unique(got))
					requireSame(t, s.SentIDs(), unique(got))
				case "giant":
					requireSame(t, s.OfferedIDs(), unique(got))
					require.Greater(t, len(s.OfferedIDs()), len(s.SentIDs()))
				case "utf8":
					require.Greater(t, len(s.OfferedIDs()), len(s.SentIDs()))
				default:
					require.NotEmpty(t, got.invalid)
					requireSame(t, s.SentIDs(), unique(got))
					require.Greater(t, len(s.OfferedIDs()), len(s.SentIDs()))
				}
			})
		})
	}
}

func TestOutageRefusesThenCarriesOn(t *testing.T) {
	plan := NewFaultPlan(Fault{Kind: Outage, At: 5 * time.Second, For: 7 * time.Second})
	bubble(t, func(t *testing.T) {
		s := pipeRig(ServerConfig{Source: newWorld(30), Faults: plan})
		defer s.shut()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		first := s.follow(ctx, &wg, "?partition=1")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.Error(t, first.err)
		_, err := s.dial(ctx, "", "")
		require.ErrorIs(t, err, ErrRefused)
		time.Sleep(7 * time.Second)
		second := s.follow(ctx, &wg, "?partition=1&backfillMinutes=1")
		time.Sleep(time.Second)
		s.StopOffering()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Empty(t, s.UnsentIDs())
		require.NotEmpty(t, second.ids)
		cancel()
		wg.Wait()
	})
	require.Empty(t, plan.Unfired())
}

func TestEveryConnectionIsCutAtOnce(t *testing.T) {
	plan := NewFaultPlan(Fault{Kind: Reset, At: 5 * time.Second, Partition: 1, Connection: EveryConnection})
	simulate(t, ServerConfig{Source: newWorld(30), Faults: plan}, 10*time.Second, four, func(t *testing.T, s *rig, got []*received) {
		require.Equal(t, 2, s.Summary().Live)
		require.Error(t, got[0].err)
		require.Error(t, got[1].err)
		require.Equal(t, []int{2}, slices.Collect(mapsValues(plan.Fired())))
	})
}

func mapsValues(m map[string]int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func TestOutageOverLoopbackListensAgain(t *testing.T) {
	plan := NewFaultPlan(Fault{Kind: Outage, At: 100 * time.Millisecond, For: 300 * time.Millisecond})
	s := loopbackRig(t, ServerConfig{Source: newWorld(50), Faults: plan})
	defer s.shut()
	var wg sync.WaitGroup
	first := s.follow(t.Context(), &wg, "?partition=1")
	wg.Wait()
	require.Error(t, first.err)
	addr := strings.TrimPrefix(s.base, "http://")
	refused := 0
	require.Eventually(t, func() bool {
		nc, err := s.dial(t.Context(), "tcp", addr)
		if err != nil {
			refused++
			return false
		}
		nc.Close()
		return true
	}, 10*time.Second, 20*time.Millisecond)
	require.Positive(t, refused)
}

func TestFaultSyntax(t *testing.T) {
	for _, text := range []string{
		"cut-record@30s,partition=1,connection=any",
		"status@1m0s,connection=any,for=30s,code=401",
		"loss@0s,connection=1,after-connect=2s,share=0.25",
		"damage@5s,connection=0,for=1m0s,variant=giant,size=100",
		"reset@1s,connection=every,times=3,every=10s",
	} {
		f, err := ParseFault(text)
		require.NoError(t, err)
		require.Equal(t, text, f.String())
	}
	for _, text := range []string{"", "cut", "reset@x", "reset@1s,foo=1", "reset@1s,end=half", "damage,variant=nice", "status@1s,code=x"} {
		_, err := ParseFault(text)
		require.Error(t, err, text)
	}
}

func FuzzParseFault(f *testing.F) {
	f.Add("cut-record@30s,partition=1,connection=any")
	f.Fuzz(func(t *testing.T, s string) {
		if fault, err := ParseFault(s); err == nil && fault.Message == "" {
			again, err := ParseFault(fault.String())
			require.NoError(t, err)
			require.Equal(t, fault.String(), again.String())
		}
	})
}

// careful is a client as it should be: it reconnects each connection, with two minutes of backfill.
func (r *rig) careful(ctx context.Context, wg *sync.WaitGroup, query string) *[]*received {
	var all []*received
	wg.Go(func() {
		for ctx.Err() == nil {
			got := &received{}
			all = append(all, got)
			r.read(r.request(ctx, query), got)
			query = strings.TrimSuffix(query, "&backfillMinutes=1") + "&backfillMinutes=1"
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
	return &all
}

func TestRandomPlansCanBeSurvived(t *testing.T) {
	for seed := range uint64(2) {
		plan := RandomPlan(seed, RandomOptions{Duration: time.Minute, Backfill: true})
		bubble(t, func(t *testing.T) {
			s := pipeRig(ServerConfig{Source: newWorld(10), Faults: plan, ConnectLimit: -1, Level: -2})
			defer s.shut()
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			var got []*[]*received
			for _, q := range four {
				got = append(got, s.careful(ctx, &wg, q))
				synctest.Wait()
			}
			time.Sleep(time.Minute)
			s.StopOffering()
			time.Sleep(time.Second)
			synctest.Wait()
			require.Empty(t, s.UnsentIDs(), "seed %d: %v", seed, plan.Fired())
			require.Empty(t, plan.Unfired(), "seed %d", seed)
			seen := map[int]bool{}
			for _, c := range got {
				seen[len(*c)] = true
			}
			cancel()
			wg.Wait()
			var all []*received
			for _, c := range got {
				all = append(all, *c...)
			}
			offered, ids := s.OfferedIDs(), unique(all...)
			for _, id := range offered {
				_, found := slices.BinarySearch(ids, id)
				require.True(t, found, "id %d", id)
			}
		})
	}
}

// Loss of each connection for itself, of the same Tweets from all, and of one partition; a dip takes from the truth.
func TestLossTogetherAndApart(t *testing.T) {
	for name, tc := range map[string]struct {
		fault string
		check func(t *testing.T, offered []snowflake.ID, a, b, other map[snowflake.ID]bool)
	}{
		"apart": {"loss@0s,connection=every,share=0.3,for=1h", func(t *testing.T, _ []snowflake.ID, a, b, _ map[snowflake.ID]bool) {
			onlyA, both := 0, 0
			for id := range a {
				if b[id] {
					both++
				} else {
					onlyA++
				}
			}
			require.InDelta(t, 0.3, float64(onlyA)/float64(onlyA+both), 0.07)
		}},
		"same": {"loss@0s,partition=1,connection=every,share=0.3,same=true,for=1h", func(t *testing.T, offered []snowflake.ID, a, b, other map[snowflake.ID]bool) {
			require.Equal(t, a, b)
			require.InDelta(t, 0.7, float64(len(a))/float64(len(other)), 0.12, "the other partition has all")
			require.Less(t, len(a)+len(other), len(offered))
		}},
		"dip": {"dip@0s,share=0.9,for=1h", func(t *testing.T, offered []snowflake.ID, a, _, other map[snowflake.ID]bool) {
			require.Len(t, offered, len(a)+len(other), "nothing is missing")
			require.InDelta(t, 100*30*0.1, len(offered), 80)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseFault(tc.fault)
			require.NoError(t, err)
			again, err := ParseFault(f.String())
			require.NoError(t, err)
			require.Equal(t, f, again)
			cfg := ServerConfig{Source: newWorld(100), Faults: NewFaultPlan(f), Level: -2}
			simulate(t, cfg, 30*time.Second, []string{"?partition=1", "?partition=1", "?partition=2"}, func(t *testing.T, s *rig, got []*received) {
				require.Empty(t, cfg.Faults.Unfired())
				sets := make([]map[snowflake.ID]bool, len(got))
				for i, g := range got {
					sets[i] = map[snowflake.ID]bool{}
					for _, id := range g.ids {
						sets[i][id] = true
					}
				}
				tc.check(t, s.OfferedIDs(), sets[0], sets[1], sets[2])
			})
		})
	}
}
