package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/stream"
)

func legOf(events chan core.Event) *leg {
	return &leg{r: &run{gone: make(chan struct{})}, to: events, conn: 7}
}

// Who does not end when he is told to is left behind after a moment: his end comes once, and nothing after it.
func TestLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, free := make(chan core.Event, 8), make(chan struct{})
		l := legOf(events)
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Minute, func() { cancel(stream.Closed("silence")) })
		began := time.Now()
		l.work(ctx, func() core.End { <-free; l.Opened(); return core.End{Class: "late"} })
		require.Equal(t, time.Minute+leaveAfter, time.Since(began))
		close(free)
		synctest.Wait()
		require.Len(t, events, 1)
		ev := <-events
		require.Equal(t, core.Ended, ev.Kind)
		require.Equal(t, "silence", ev.End.Class)
		require.Equal(t, 7, ev.Conn)
	})
}

// Who waits for the engine is not: what he has would be lost.
func TestNotLeftBehindWithTweets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan core.Event)
		l := legOf(events)
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(stream.Closed("stop"))
		var kinds []core.Kind
		time.AfterFunc(time.Minute, func() {
			for range 2 {
				kinds = append(kinds, (<-events).Kind)
			}
		})
		l.work(ctx, func() core.End { l.Opened(); return core.End{Class: "stop"} })
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
