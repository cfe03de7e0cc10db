package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// frozen is a store on a disk that hangs.
type frozen struct {
	thaw    chan struct{}
	commits atomic.Int32
}

func (f *frozen) Commit(*ledger.Commit) error     { f.commits.Add(1); <-f.thaw; return nil }
func (f *frozen) Orders() ([]ledger.Order, error) { return nil, nil }
func (f *frozen) Bytes() int64                    { return 0 }
func (f *frozen) Load(timeline.Minute, []snowflake.ID) ([]snowflake.ID, error) {
	<-f.thaw
	return nil, nil
}

// A commit that does not come back holds up no stop: that says what is not stored, claims nothing more, and leaves the store
// to who still uses it.
func TestAHangingCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, w := &frozen{thaw: make(chan struct{})}, encode.NewWriter(io.Discard)
		writing, end := context.WithCancel(context.Background())
		defer end()
		var others sync.WaitGroup
		others.Go(func() { w.Run(writing) })
		client := stream.NewClient(stream.Options{Credentials: func() (string, string, error) { return "", "", errors.New("none") }})
		e := New(Config{Clients: []*stream.Client{client}, URL: func(int, int) string { return "https://x.invalid/" }, Store: disk,
			Core:   core.Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, State: true},
			Tweets: &heavy{}, Points: encode.NewLines(nil, w)})
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		began := time.Now()
		err := e.Run(ctx)
		require.ErrorContains(t, err, "the disk of the state hangs: what came since 2000-01-01T00:00:00Z is not in it")
		require.LessOrEqual(t, time.Since(began), time.Minute+3*time.Second+leaveTimeout)
		require.EqualValues(t, 1, disk.commits.Load(), "it is asked for nothing more")
		select {
		case <-e.ended:
			t.Fatal("the store may be closed under who uses it")
		default:
		}
		close(disk.thaw)
		e.Wait()
	})
}

// What a lack of descriptors keeps from being read is tried again for a while; what is damaged is not, and the end of the run ends it.
func TestLoadTriesAgain(t *testing.T) {
	scarce := errors.New("too many open files")
	for name, c := range map[string]struct {
		fail  int // times
		err   error
		tries int
		took  time.Duration
		ids   int
	}{
		"at once":      {0, nil, 1, 0, 2},
		"it passes":    {3, scarce, 4, 3 * loadRetryDelay, 2},
		"at the last":  {maxLoadTries - 1, scarce, maxLoadTries, (maxLoadTries - 1) * loadRetryDelay, 2},
		"it stays":     {maxLoadTries, scarce, maxLoadTries, maxLoadTries * loadRetryDelay, 0},
		"it is broken": {1, fmt.Errorf("block 7: %w", store.ErrDamaged), 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				tries := 0
				r := &run{gone: make(chan struct{})}
				r.cfg.Store = &fakeStore{load: func(timeline.Minute) ([]snowflake.ID, error) {
					if tries++; tries <= c.fail {
						return nil, c.err
					}
					return []snowflake.ID{1, 2}, nil
				}}
				ids, err := r.load(7)
				require.Len(t, ids, c.ids)
				require.Equal(t, c.tries, tries)
				require.Equal(t, c.took, time.Since(noon))
				if c.ids == 0 {
					require.ErrorIs(t, err, c.err)
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
	bubble(t, func(t *testing.T) {
		r := &run{gone: make(chan struct{})}
		r.cfg.Store = &fakeStore{load: func(timeline.Minute) ([]snowflake.ID, error) { return nil, scarce }}
		time.AfterFunc(2500*time.Millisecond, func() { close(r.gone) })
		_, err := r.load(7)
		require.ErrorIs(t, err, scarce)
		require.Equal(t, 2500*time.Millisecond, time.Since(noon))
	})
}

// Each order is told once, however often the store is looked at, and whatever goes wrong in between.
func TestOrdersAreToldOnce(t *testing.T) {
	all, broken := []ledger.Order(nil), error(nil)
	r := &run{}
	r.cfg.Store = &fakeStore{orders: func() ([]ledger.Order, error) { return all, broken }}
	last := int64(0)
	require.Empty(t, r.orders(&last))
	all = []ledger.Order{{ID: 2}, {ID: 1}}
	require.Equal(t, []ledger.Order{{ID: 2}, {ID: 1}}, r.orders(&last), "in the store's order")
	require.Empty(t, r.orders(&last))
	all, broken = nil, errors.New("database is locked")
	require.Empty(t, r.orders(&last))
	all, broken = []ledger.Order{{ID: 2}, {ID: 3}, {ID: 9}}, nil
	require.Equal(t, []ledger.Order{{ID: 3}, {ID: 9}}, r.orders(&last))
	require.EqualValues(t, 9, last)
}

// What waits for ids goes on in its order, connection by connection, and only as far as it may.
func TestWhatWaitsGoesOnInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newFixture(mute)
		h.Core.Connections = 2
		refuse := map[int]int{} // by connection: how many more of its events have to wait
		var took []string
		h.Listener.Stepped = func(_ time.Time, ev core.Event, out *core.Ready) {
			*out = core.Ready{Wake: noon.Add(time.Hour)}
			if ev.Kind != core.Silent {
				return
			}
			if refuse[ev.Conn] > 0 {
				refuse[ev.Conn]--
				out.Wait = true
				return
			}
			took = append(took, fmt.Sprint(ev.Conn, ":", ev.Tweets))
		}
		r := h.begun(t)
		var by [2]*session
		for i := range by {
			by[i], _ = r.session(r.events, i)
		}
		bring := func(conn int, n int64) {
			r.take(message{core.Event{Kind: core.Silent, Conn: conn, Tweets: n}, by[conn]})
		}
		refuse[0] = 2
		for n := range int64(3) {
			bring(0, n)
			bring(1, n)
		}
		require.Equal(t, []string{"1:0", "1:1", "1:2"}, took, "those behind one that waits wait too, and the other goes on")
		require.Equal(t, 3, r.store.waits)
		r.goOnAll()
		require.Equal(t, 3, r.store.waits, "it may not yet")
		refuse[0] = 0
		took = nil
		r.goOnAll()
		require.Equal(t, []string{"0:0", "0:1", "0:2"}, took)
		require.True(t, r.store.idle())
		bring(0, 3)
		require.Equal(t, []string{"0:0", "0:1", "0:2", "0:3"}, took)
	})
}

// One minute is loaded at a time, in the order in which they were wanted.
func TestOneLoadAtATime(t *testing.T) {
	r := &run{}
	r.store = storeClient{loads: make(chan timeline.Minute, 1)}
	r.ready.Load = []timeline.Minute{3, 1, 2}
	r.requestStore()
	require.Equal(t, []timeline.Minute{1, 2}, r.store.wanted)
	require.Equal(t, 1, r.store.busy)
	r.ready.Load = []timeline.Minute{9}
	r.requestStore()
	require.Equal(t, []timeline.Minute{1, 2, 9}, r.store.wanted)
	var got []timeline.Minute
	for range 4 {
		got = append(got, <-r.store.loads)
		r.loadNext()
	}
	require.Equal(t, []timeline.Minute{3, 1, 2, 9}, got)
	require.Empty(t, r.store.loads)
}
