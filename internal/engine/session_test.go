package engine

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
)

func sessionOf(events chan message) *session {
	return &session{r: &run{gone: make(chan struct{})}, to: events, conn: 7}
}

// Who does not end when he is told to is left behind after a moment: his end comes once, and nothing after it.
func TestLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, free := make(chan message, 8), make(chan struct{})
		s := sessionOf(events)
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Minute, func() { cancel(stream.Closed("silence")) })
		began := time.Now()
		s.work(ctx, func() core.End { s.Opened(); <-free; s.Silent(); return core.End{Class: "late"} })
		require.Equal(t, time.Minute+leaveTimeout, time.Since(began))
		close(free)
		synctest.Wait()
		require.Len(t, events, 2)
		require.Equal(t, core.Opened, (<-events).Kind)
		ev := <-events
		require.True(t, ev.End.Opened, "its header came: the limit of attempts has it back already")
		require.Equal(t, core.Ended, ev.Kind)
		require.Equal(t, "silence", ev.End.Class)
		require.Equal(t, 7, ev.Conn)
	})
}

// Who waits for the engine is not: what he has would be lost.
func TestNotLeftBehindWithTweets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan message)
		s := sessionOf(events)
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(stream.Closed("stop"))
		var kinds []core.Kind
		time.AfterFunc(time.Minute, func() {
			for range 2 {
				kinds = append(kinds, (<-events).Kind)
			}
		})
		s.work(ctx, func() core.End { s.Opened(); return core.End{Class: "stop"} })
		synctest.Wait()
		require.Equal(t, []core.Kind{core.Opened, core.Ended}, kinds)
	})
}

// A request that does not come to its end has the next one take the next route.
func TestRoutesTakeTurns(t *testing.T) {
	r := &run{names: make([]core.Conn, 4)}
	for _, c := range []struct {
		conn  int
		class string
		route int
	}{{0, "reset", 0}, {4, "completed", 0}, {4, "connect", 1}, {5, "http_503", 2}, {4, "completed", 2}} {
		r.turnRoute(core.Event{Conn: c.conn, End: core.End{Class: c.class}})
		require.Equal(t, c.route, r.route)
	}
}

// What comes of a session that the core has given up is nobody's: neither its events, nor its end, are the next one's.
func TestGivenUp(t *testing.T) {
	r := &run{names: make([]core.Conn, 1), sessions: make([]*session, 1), e: &Engine{live: budget{max: 100}}, gone: make(chan struct{})}
	r.store.waiting = map[int][]message{}
	old, ctx := r.session(make(chan message, 1), 0)
	batch := wire.NewBatch()
	require.True(t, r.e.live.take(batch.Size(), nil))
	r.store.wait(message{core.Event{Kind: core.Received, Batch: batch}, old})
	r.hangUp(core.Close{Class: "silence"})
	require.Equal(t, 1, r.up, "its end is waited for")
	r.hangUp(core.Close{Class: "overdue", Leave: true})
	require.Zero(t, r.up)
	require.Error(t, ctx.Err())
	require.True(t, r.store.idle())
	next, fresh := r.session(make(chan message, 1), 0)
	r.take(message{core.Event{Kind: core.Ended, End: core.End{Class: "late"}}, old})
	require.NoError(t, fresh.Err())
	require.Equal(t, []any{1, next}, []any{r.up, r.sessions[0]})
	old.work(ctx, func() core.End { select {} }) // returns, though that does not
}

// A secret store that never answers neither holds a connection's place nor the stop.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free, asked := make(chan struct{}), atomic.Int32{}
		client := stream.NewClient(stream.Options{Credentials: func() (string, string, error) {
			asked.Add(1)
			<-free
			return "", "", errors.New("late")
		}})
		var said []string
		w := encode.NewWriter(io.Discard)
		writing, end := context.WithCancel(context.Background())
		defer end()
		var others sync.WaitGroup
		others.Go(func() { w.Run(writing) })
		e := New(Config{Clients: []*stream.Client{client}, URL: func(int, int) string { return "https://x.invalid/" },
			Core:   core.Config{StreamLabel: "prod", Partitions: []int{1}, Connections: 1, ConnectLimit: 10, ConnectPeriod: time.Minute, ConnectTimeout: 10 * time.Second},
			Tweets: &heavy{}, Points: encode.NewLines(nil, w), Listener: Listener{Note: func(n core.Note) { said = append(said, n.Text) }}})
		ctx, stop := context.WithTimeout(context.Background(), 45*time.Second)
		defer stop()
		began := time.Now()
		require.NoError(t, e.Run(ctx))
		require.Less(t, time.Since(began), 50*time.Second)
		require.EqualValues(t, 2, asked.Load())
		require.Contains(t, strings.Join(said, "\n"), "ended (overdue)")
		close(free)
	})
}
