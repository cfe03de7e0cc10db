package decasim

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

const replayPath = "/replay/sample10/accounts/demo/publishers/twitter/prod.json"

func (r *rig) replayRequest(ctx context.Context, from, to time.Time) *http.Request {
	const digits = "200601021504"
	q := r.request(ctx, "")
	q.URL.Path, q.URL.RawQuery = replayPath, "fromDate="+from.UTC().Format(digits)+"&toDate="+to.UTC().Format(digits)
	return q
}

// replay follows a Replay to its end.
func (r *rig) replay(ctx context.Context, from, to time.Time) *received {
	into := &received{strict: r.strict}
	r.read(r.replayRequest(ctx, from, to), into)
	synctest.Wait() // the server's books are closed
	return into
}

// recovery follows a Recovery to its end.
func (r *rig) recovery(ctx context.Context, query string) *received {
	into := &received{strict: r.strict}
	r.read(r.request(ctx, query), into)
	synctest.Wait()
	return into
}

func isoRange(from, to time.Time) string {
	return "&startTime=" + from.UTC().Format("2006-01-02T15:04:05.000Z") + "&endTime=" + to.UTC().Format(time.RFC3339)
}

// kept are the ids of a source in [from, to) that Replay delivers; partition 0: of all.
func kept(w *world.World, partition int, from, to time.Time) []snowflake.ID {
	var ids []snowflake.ID
	for t := range w.Tweets(from, to) {
		if (partition == 0 || t.Partition == partition) && !w.Gone(t.ID) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// served runs f against a server of w in a bubble.
func served(t *testing.T, cfg ServerConfig, f func(t *testing.T, s *rig)) {
	bubble(t, func(t *testing.T) {
		s := pipeRig(cfg)
		defer s.shut()
		f(t, s)
		synctest.Wait()
	})
}

var (
	from = noon.Add(-2 * time.Hour)
	to   = noon.Add(-2*time.Hour + 10*time.Minute)
)

func TestReplayBringsAllPartitionsInOrder(t *testing.T) {
	for name, cfg := range map[string]world.Config{"by the millisecond": {Seed: 3, Rate: 5}, "sparse": {Seed: 3, Rate: 5, Sparse: true}} {
		t.Run(name, func(t *testing.T) {
			w := world.New(cfg)
			served(t, ServerConfig{Source: w}, func(t *testing.T, s *rig) {
				got := s.replay(t.Context(), from, to)
				want := kept(w, 0, from, to)
				require.Equal(t, 200, got.status)
				requireSame(t, want, unique(got))
				require.Len(t, got.ids, len(want))
				require.Empty(t, got.invalid)
				require.True(t, slices.IsSortedFunc(got.ids, func(a, b snowflake.ID) int { return int(a.Milli()/60_000 - b.Milli()/60_000) }), "minute by minute")
				require.False(t, slices.IsSorted(got.ids), "disorder within minutes")
				require.Len(t, got.notices, 1)
				require.Regexp(t, fmt.Sprintf(`^\{"info":\{"message":"Replay Request Completed","sent":"2026-03-01T12:11:0.\+00:00","activity_count":%d\}\}$`, len(want)), got.notices[0])
				require.InDelta(t, 10/0.9, time.Since(noon).Minutes(), 0.1, "slightly slower than real time")
				require.Equal(t, "EOF", got.err.Error())
				require.Len(t, s.Requests(), 1)
				require.Equal(t, Request{Kind: "replay", At: noon, From: from, To: to, Status: 200, Sent: len(want), End: "completed"}, s.Requests()[0])
				sum := s.Summary()
				require.Equal(t, []int{1, 1, 0, 0, 0}, []int{sum.Made, sum.Completed, sum.Refused, sum.Live, sum.Accepted})
				requireSame(t, want, s.SentIDs())
				require.Empty(t, s.LiveIDs())
			})
		})
	}
}

func TestReplayAsFastAsItIsRead(t *testing.T) {
	w := newWorld(10)
	served(t, ServerConfig{Source: w, ReplaySpeed: -1}, func(t *testing.T, s *rig) {
		requireSame(t, kept(w, 0, from, to), unique(s.replay(t.Context(), from, to)))
		require.Less(t, time.Since(noon), time.Second)
	})
}

func TestHeartbeatsThroughAnEmptyReplay(t *testing.T) {
	served(t, ServerConfig{Source: newWorld(-1)}, func(t *testing.T, s *rig) {
		got := s.replay(t.Context(), from, to)
		require.InDelta(t, 66, got.heartbeats, 2)
		require.LessOrEqual(t, got.longest, 10*time.Second+50*time.Millisecond)
		require.Contains(t, got.notices[0], `"activity_count":0`)
	})
}

func TestReplayRefusals(t *testing.T) {
	const ok = "fromDate=202603011000&toDate=202603011010"
	for name, tc := range map[string]struct {
		query  string
		change func(*http.Request)
		cfg    ServerConfig
		status int
		body   string
	}{
		"password":        {ok, func(q *http.Request) { q.SetBasicAuth("demo", "x") }, ServerConfig{}, 401, "transactionId"},
		"unknown label":   {ok, func(q *http.Request) { q.URL.Path += "x" }, ServerConfig{}, 404, "error"},
		"no gzip":         {ok, func(q *http.Request) { q.Header.Set("Accept-Encoding", "identity") }, ServerConfig{}, 406, "requires compression"},
		"not bought":      {ok, nil, ServerConfig{ReplayStatus: 403}, 403, "Forbidden"},
		"ISO":             {"fromDate=2026-03-01T10:00&toDate=202603011010", nil, ServerConfig{}, 406, `query parameter 'fromDate'. Expected format is 'yyyyMMddHHmm'. For example, '201701012315' for January 1st`},
		"no toDate":       {"fromDate=202603011000", nil, ServerConfig{}, 406, `query parameter 'toDate'. Expected format`},
		"13th month":      {"fromDate=202613011000&toDate=202603011010", nil, ServerConfig{}, 406, `query parameter 'fromDate'. Expected format`},
		"too recent":      {"fromDate=202603011000&toDate=202603011131", nil, ServerConfig{}, 406, "Invalid date for query parameter 'toDate'. Can't ask for tweets from within the past 30 minutes."},
		"start too late":  {"fromDate=202603011059&toDate=202603011100", nil, ServerConfig{ReplayDelay: 61 * time.Minute}, 406, "'toDate'. Can't ask for tweets from within the past 61 minutes."},
		"beyond 5 days":   {"fromDate=202602241159&toDate=202603011010", nil, ServerConfig{}, 406, "Invalid date for query parameter 'fromDate'. Can't ask for tweets from more than 5 days ago."},
		"reversed":        {"fromDate=202603011010&toDate=202603011010", nil, ServerConfig{}, 406, "Must be before 'toDate'"},
		"other horizon":   {ok, nil, ServerConfig{ReplayHorizon: time.Hour}, 406, "more than 60 minutes ago"},
		"not yet created": {"fromDate=202603011100&toDate=202603011201", nil, ServerConfig{ReplayDelay: -1}, 406, "'toDate'. Can't ask for tweets"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.cfg.Source = newWorld(-1)
			served(t, tc.cfg, func(t *testing.T, s *rig) {
				q := s.request(t.Context(), "")
				q.URL.Path, q.URL.RawQuery = replayPath, tc.query
				if tc.change != nil {
					tc.change(q)
				}
				got := &received{}
				s.read(q, got)
				require.Equal(t, tc.status, got.status)
				require.Contains(t, got.body, tc.body)
				require.Equal(t, "refused", s.Requests()[0].End)
				require.Equal(t, 1, s.Summary().Refused)
			})
		})
	}
}

func TestReplayEdgesAreAccepted(t *testing.T) {
	for _, minutes := range [][2]int{{5 * 24 * 60, 5*24*60 - 1}, {31, 30}} {
		served(t, ServerConfig{Source: newWorld(-1), ReplaySpeed: -1}, func(t *testing.T, s *rig) {
			age := func(m int) time.Time { return noon.Add(-time.Duration(m) * time.Minute) }
			require.Equal(t, 200, s.replay(t.Context(), age(minutes[0]), age(minutes[1])).status)
		})
	}
}

func TestReplayLimits(t *testing.T) {
	for _, counted := range []bool{false, true} {
		served(t, ServerConfig{Source: newWorld(-1), ReplaySpeed: -1, ReplayCountRefused: counted}, func(t *testing.T, s *rig) {
			for range 2 {
				require.Equal(t, 406, s.replay(t.Context(), to, from).status)
			}
			status := map[int]int{}
			for range 5 {
				status[s.replay(t.Context(), from, to).status]++
			}
			want := map[int]int{200: 5}
			if counted {
				want = map[int]int{200: 3, 429: 2}
			}
			require.Equal(t, want, status)
			require.Equal(t, 429, s.replay(t.Context(), from, to).status)
			time.Sleep(5 * time.Minute)
			require.Equal(t, 200, s.replay(t.Context(), from, to).status)
		})
	}
}

func TestOneReplayAtOnce(t *testing.T) {
	served(t, ServerConfig{Source: newWorld(1)}, func(t *testing.T, s *rig) {
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { s.read(s.replayRequest(ctx, from, to), &received{}) })
		time.Sleep(time.Minute)
		refused := s.replay(t.Context(), from, to)
		require.Equal(t, 429, refused.status)
		require.Contains(t, refused.body, "concurrent")
		cancel()
		wg.Wait()
		synctest.Wait()
		require.Equal(t, "client closed", s.Requests()[0].End)
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.Equal(t, 200, s.replay(ctx, from, to).status)
	})
}

func TestReplayOverLoopback(t *testing.T) {
	w := newWorld(10)
	s := loopbackRig(t, ServerConfig{Source: w, ReplaySpeed: -1, ReplayDelay: -1})
	defer s.shut()
	end := time.Now().Truncate(time.Minute)
	got := &received{}
	s.read(s.replayRequest(t.Context(), end.Add(-3*time.Minute), end), got)
	requireSame(t, kept(w, 0, end.Add(-3*time.Minute), end), unique(got))
	require.Contains(t, got.notices[0], "Completed")
}

func TestRecovery(t *testing.T) {
	w := newWorld(5)
	a, b := from.Add(1500*time.Millisecond), to.Add(30*time.Second)
	for name, tc := range map[string]struct {
		cfg       ServerConfig
		query     string
		partition int
		status    int
		body      string
	}{
		"one partition":      {ServerConfig{}, "?partition=2" + isoRange(a, b), 2, 200, ""},
		"partition missing":  {ServerConfig{}, "?x=1" + isoRange(a, b), 0, 406, "partition"},
		"partition optional": {ServerConfig{RecoveryPartition: PartitionOptional}, "?x=1" + isoRange(a, b), 0, 200, ""},
		"partition chosen":   {ServerConfig{RecoveryPartition: PartitionOptional}, "?partition=1" + isoRange(a, b), 1, 200, ""},
		"partition refused":  {ServerConfig{RecoveryPartition: PartitionRefused}, "?partition=1" + isoRange(a, b), 0, 406, "partition"},
		"other names": {ServerConfig{RecoveryParameters: [2]string{"start_time", "end_time"}},
			"?partition=1" + strings.NewReplacer("startTime", "start_time", "endTime", "end_time").Replace(isoRange(a, b)), 1, 200, ""},
		"not bought":    {ServerConfig{RecoveryStatus: 403}, "?partition=1" + isoRange(a, b), 0, 403, ""},
		"beyond a day":  {ServerConfig{}, "?partition=1" + isoRange(noon.Add(-24*time.Hour-time.Second), b), 0, 406, "'startTime'. Can't ask for tweets from more than 24 hours ago"},
		"in the future": {ServerConfig{}, "?partition=1" + isoRange(a, noon.Add(time.Second)), 0, 406, "'endTime'"},
		"reversed":      {ServerConfig{}, "?partition=1" + isoRange(b, a), 0, 406, "Must be before 'endTime'"},
		"digits":        {ServerConfig{}, "?partition=1&startTime=202603011000", 0, 406, "ISO 8601"},
		"only an end":   {ServerConfig{}, "?partition=1&endTime=2026-03-01T10:00:00Z", 0, 406, "'startTime'"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.cfg.Source = w
			served(t, tc.cfg, func(t *testing.T, s *rig) {
				got := s.recovery(t.Context(), tc.query)
				require.Equal(t, tc.status, got.status)
				require.Contains(t, got.body, tc.body)
				require.Zero(t, s.Summary().Accepted, "is no live connection")
				if tc.status != 200 {
					return
				}
				want := kept(w, tc.partition, a, b)
				requireSame(t, want, unique(got))
				require.Regexp(t, fmt.Sprintf(`"Recovery Request Completed".*"activity_count":%d`, len(want)), got.notices[0])
				require.InDelta(t, float64(len(want))/1000, time.Since(noon).Seconds(), 0.1, "1000 Tweets per second")
				require.Equal(t, Request{Kind: "recovery", At: noon, From: a, To: b, Partition: tc.partition, Status: 200, Sent: len(want), End: "completed"}, s.Requests()[0])
			})
		})
	}
}

func TestRecoveryJobsAndOpenEnd(t *testing.T) {
	for _, status := range []int{429, 406} {
		w := newWorld(5)
		served(t, ServerConfig{Source: w, RecoveryRate: 10, RecoveryExcess: status}, func(t *testing.T, s *rig) {
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() { s.read(s.request(t.Context(), "?partition=1"+isoRange(from, to)), &received{}) })
			}
			time.Sleep(time.Second)
			require.Equal(t, status, s.recovery(t.Context(), "?partition=2"+isoRange(from, to)).status)
			wg.Wait()
			now := time.Now()
			got := s.recovery(t.Context(), "?partition=2&startTime="+now.Add(-time.Minute).UTC().Format(time.RFC3339Nano))
			requireSame(t, kept(w, 2, now.Add(-time.Minute), now), unique(got))
		})
	}
}

// TestWhatOnlyAReplayBrings: live, an outage, a Replay of it; the books tell who brought what.
func TestWhatOnlyAReplayBrings(t *testing.T) {
	w := world.New(world.Config{Seed: 3, Rate: 2, Sparse: true, Deleted: 0.1})
	served(t, ServerConfig{Source: w, Tick: time.Second, ReplaySpeed: 60}, func(t *testing.T, s *rig) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		s.follow(ctx, &wg, "?partition=1")
		s.follow(ctx, &wg, "?partition=2")
		time.Sleep(10 * time.Minute)
		cancel()
		wg.Wait()
		time.Sleep(20 * time.Minute)
		s.StopOffering()
		time.Sleep(40 * time.Minute)
		got := s.replay(t.Context(), noon, noon.Add(31*time.Minute))
		offered, live := s.OfferedIDs(), s.LiveIDs()
		require.InDelta(t, 30*120, len(offered), 300)
		require.InDelta(t, 10*120, len(live), 150)
		requireSame(t, kept(w, 0, noon, noon.Add(30*time.Minute)), unique(got))
		requireSame(t, s.GoneIDs(), s.UnsentIDs())
		require.NotEmpty(t, s.GoneIDs())
		for _, id := range s.GoneIDs() {
			require.True(t, s.Gone(id))
			require.False(t, slices.Contains(live, id))
		}
		require.Equal(t, len(live), s.Summary().SentLive)
	})
}

// TestBurstsHappenedInThePastToo: live stream, backfill and Replay agree on what a burst brought.
func TestBurstsHappenedInThePastToo(t *testing.T) {
	for _, sparse := range []bool{false, true} {
		w := world.New(world.Config{Seed: 3, Rate: 10, Sparse: sparse, Deleted: -1})
		plan := NewFaultPlan(Fault{Kind: Burst, At: 10*time.Second + 300*time.Millisecond, For: 5500 * time.Millisecond, Factor: 8},
			Fault{Kind: Burst, At: 12 * time.Second, For: 1100 * time.Millisecond, Factor: 3})
		served(t, ServerConfig{Source: w, Faults: plan, ReplaySpeed: -1, ReplayDelay: -1}, func(t *testing.T, s *rig) {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			a, b := s.follow(ctx, &wg, "?partition=1"), s.follow(ctx, &wg, "?partition=2")
			time.Sleep(30 * time.Second)
			s.StopOffering()
			time.Sleep(15 * time.Second)
			backfill := s.follow(ctx, &wg, "?partition=1&backfillMinutes=1")
			time.Sleep(15 * time.Second)
			synctest.Wait()
			live := unique(a, b)
			require.InDelta(t, 245+44*8+11*24, len(live), 120)
			requireSame(t, s.OfferedIDs(), live)
			requireSame(t, unique(a), slices.DeleteFunc(unique(backfill), func(id snowflake.ID) bool { return id.Time().Before(noon) }))
			requireSame(t, slices.DeleteFunc(live, w.Gone), slices.DeleteFunc(unique(s.replay(t.Context(), noon, noon.Add(time.Minute))), w.Gone))
			require.Empty(t, plan.Unfired())
			cancel()
			wg.Wait()
		})
	}
}
