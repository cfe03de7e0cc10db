package decasim

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

func newWorld(rate float64) *world.World { return world.New(world.Config{Seed: 3, Rate: rate}) }

var four = []string{"?partition=1", "?partition=1", "?partition=2", "?partition=2"}

func TestEveryConnectionGetsAllOfItsPartition(t *testing.T) {
	simulate(t, ServerConfig{Source: newWorld(50)}, 20*time.Second, four, func(t *testing.T, s *rig, got []*received) {
		offered := s.OfferedIDs()
		require.InDelta(t, 1000, len(offered), 150)
		requireSame(t, offered, unique(got...))
		requireSame(t, offered, s.SentIDs())
		requireSame(t, unique(got[0]), unique(got[1]))
		requireSame(t, unique(got[2]), unique(got[3]))
		for _, r := range got {
			require.Empty(t, r.invalid)
			require.Len(t, unique(r), len(r.ids), "no copies on one connection")
			require.False(t, slices.IsSorted(r.ids), "local disorder")
		}
		sum := s.Summary()
		require.Equal(t, []int{4, 4, len(offered), 0, 0}, []int{sum.Live, sum.Accepted, sum.Sent, sum.Unsent, sum.Pending})
	})
}

func TestTwoMinutesPassInSeconds(t *testing.T) {
	start := time.Now()
	simulate(t, ServerConfig{Source: newWorld(50)}, 2*time.Minute, []string{"?partition=1", "?partition=2"}, func(t *testing.T, s *rig, got []*received) {
		require.InDelta(t, 6000, len(s.OfferedIDs()), 400)
		requireSame(t, s.OfferedIDs(), unique(got...))
	})
	t.Log("real time", time.Since(start))
}

func TestOfferedIsWhatTheWorldCreated(t *testing.T) {
	w := newWorld(50)
	simulate(t, ServerConfig{Source: w}, 10*time.Second, []string{"?partition=1"}, func(t *testing.T, s *rig, got []*received) {
		var want []snowflake.ID
		for tw := range w.Tweets(noon, noon.Add(10*time.Second)) {
			if tw.Partition == 1 {
				want = append(want, tw.ID)
			}
		}
		requireSame(t, want, s.OfferedIDs())
		requireSame(t, want, unique(got[0]))
	})
}

func TestHeartbeatsWhenIdle(t *testing.T) {
	simulate(t, ServerConfig{Source: newWorld(-1)}, time.Minute, []string{"?partition=2"}, func(t *testing.T, _ *rig, got []*received) {
		require.InDelta(t, 6, got[0].heartbeats, 1)
		require.LessOrEqual(t, got[0].longest, 10*time.Second+50*time.Millisecond)
	})
}

func TestOverLoopback(t *testing.T) {
	s := loopbackRig(t, ServerConfig{Source: newWorld(200), HeartbeatEvery: 100 * time.Millisecond})
	defer s.shut()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	a, b := s.follow(ctx, &wg, "?partition=1"), s.follow(ctx, &wg, "?partition=2")
	require.Eventually(t, func() bool { return a.count() > 100 && b.count() > 100 }, 20*time.Second, 10*time.Millisecond)
	s.StopOffering()
	require.Eventually(t, func() bool { return s.Summary().Unsent == 0 && s.Summary().Pending == 0 }, 10*time.Second, 20*time.Millisecond)
	require.Eventually(t, func() bool { return len(unique(a, b)) == len(s.OfferedIDs()) }, 10*time.Second, 10*time.Millisecond)
	requireSame(t, s.OfferedIDs(), unique(a, b))
	cancel()
	wg.Wait()
}

func TestBackfillBringsTheMinutesBefore(t *testing.T) {
	w := newWorld(20)
	simulate(t, ServerConfig{Source: w}, 5*time.Second, []string{"?partition=1&backfillMinutes=3"}, func(t *testing.T, _ *rig, got []*received) {
		var want []snowflake.ID
		for tw := range w.Tweets(noon.Add(-3*time.Minute), noon.Add(5*time.Second)) {
			if tw.Partition == 1 {
				want = append(want, tw.ID)
			}
		}
		requireSame(t, want, unique(got[0]))
		require.Greater(t, len(got[0].ids), len(want), "with copies")
		require.False(t, slices.IsSorted(got[0].ids))
	})
}

// slow is a ResponseWriter of a busy machine: between a request and its connection the clock goes on.
type slow struct{ http.ResponseWriter }

func (w slow) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	time.Sleep(time.Second)
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// What is handed out while a request is on its way to be a connection belongs to its backfill.
func TestSlowAcceptLeavesNoHole(t *testing.T) {
	reconnect(t, ModeEOF, "?partition=1&backfillMinutes=1", func(t *testing.T, s *rig, _ *received) {
		l := NewPipeListener()
		late := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(slow{w}, r) })}
		var served sync.WaitGroup
		served.Go(func() { late.Serve(l) })
		t.Cleanup(func() {
			late.Close()
			served.Wait()
		})
		s.dial = l.DialContext
	})
}

func TestReconnectWithBackfillLosesNothing(t *testing.T) {
	reconnect(t, ModeHalf, "?partition=1&backfillMinutes=2", func(t *testing.T, _ *rig, first *received) {
		require.NotEmpty(t, first.tail)
		time.Sleep(80 * time.Second)
	})
}

// reconnect cuts a connection of partition 1, and requires that the next one, which asks for backfill, brings what the
// first one did not.
func reconnect(t *testing.T, mode Mode, query string, meanwhile func(*testing.T, *rig, *received)) {
	bubble(t, func(t *testing.T) {
		s := pipeRig(ServerConfig{Source: newWorld(20)})
		defer s.shut()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wg sync.WaitGroup
		first := s.follow(ctx, &wg, "?partition=1")
		time.Sleep(20 * time.Second)
		require.NoError(t, s.Cut(1, 0, mode))
		wg.Wait()
		meanwhile(t, s, first)
		second := s.follow(ctx, &wg, query)
		time.Sleep(5 * time.Second)
		s.StopOffering()
		time.Sleep(time.Second)
		requireSame(t, s.OfferedIDs(), slices.DeleteFunc(unique(first, second), func(id snowflake.ID) bool { return id.Time().Before(noon) }))
		cancel()
		wg.Wait()
	})
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		path   string
		change func(*http.Request)
		cfg    ServerConfig
		status int
		body   string
	}{
		"password":      {"?partition=1", func(q *http.Request) { q.SetBasicAuth("demo", "x") }, ServerConfig{}, 401, "transactionId"},
		"unknown label": {"?partition=1", func(q *http.Request) { q.URL.Path += "x" }, ServerConfig{}, 404, "error"},
		"no gzip":       {"?partition=1", func(q *http.Request) { q.Header.Set("Accept-Encoding", "identity") }, ServerConfig{}, 406, "requires compression"},
		"no partition":  {"", nil, ServerConfig{}, 406, "partition"},
		"partition 3":   {"?partition=3", nil, ServerConfig{}, 406, "partition"},
		"backfill 6":    {"?partition=1&backfillMinutes=6", nil, ServerConfig{}, 406, "backfillMinutes"},
		"not bought":    {"?partition=1&backfillMinutes=1", nil, ServerConfig{Backfill: BackfillRefuse}, 403, "Backfill"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := pipeRig(tc.cfg)
				defer s.shut()
				q := s.request(t.Context(), tc.path)
				if tc.change != nil {
					tc.change(q)
				}
				got := &received{}
				s.read(q, got)
				require.Equal(t, tc.status, got.status)
				require.Contains(t, got.body, tc.body)
			})
		})
	}
}

func TestConnectLimitSlides(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := pipeRig(ServerConfig{Source: newWorld(-1)})
		defer s.shut()
		try := func() int {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			got := &received{}
			s.read(s.request(ctx, "?partition=1"), got)
			return got.status
		}
		for range 10 {
			require.Equal(t, 200, try())
		}
		require.Equal(t, 429, try())
		time.Sleep(50 * time.Second)
		require.Equal(t, 200, try())
	})
}

func TestSurplusConnectionIsCut(t *testing.T) {
	for _, oldest := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			s := pipeRig(ServerConfig{Source: newWorld(20), AllowedConnections: 2, CutOldest: oldest})
			defer s.shut()
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			var got []*received
			for range 3 {
				got = append(got, s.follow(ctx, &wg, "?partition=1"))
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			require.Equal(t, 2, s.Summary().Live)
			cut := got[2]
			if oldest {
				cut = got[0]
			}
			require.Len(t, cut.notices, 1)
			require.Contains(t, cut.notices[0], `{"error":{"message":"Forced Disconnect: Too many connections. (Allowed Connections = 2)","sent":"2026-03-01T12:00:`)
			cancel()
			wg.Wait()
		})
	}
}

func TestSlowReaderIsCutAndGetsNoBackfill(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := pipeRig(ServerConfig{Source: newWorld(40), QueueLimit: 200})
		defer s.shut()
		nc, err := s.dial(t.Context(), "", "")
		require.NoError(t, err)
		require.NoError(t, s.request(t.Context(), "?partition=1").Write(nc))
		time.Sleep(30 * time.Second) // reads nothing
		require.Zero(t, s.Summary().Live)
		nc.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		from := time.Now()
		next := s.follow(ctx, &wg, "?partition=1&backfillMinutes=5")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.NotEmpty(t, next.ids)
		require.False(t, unique(next)[0].Time().Before(from))
		cancel()
		wg.Wait()
		synctest.Wait()
	})
}
