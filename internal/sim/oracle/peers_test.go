package oracle

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/app"
	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
)

// TestFewerConnectionsAllowed: the surplus is parked with one line, the others are left in peace, and
// nothing is lost, whichever connection X cuts.
func TestFewerConnectionsAllowed(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many minutes of fake time")
	}
	for name, oldest := range map[string]bool{"newest is cut": false, "oldest is cut": true} {
		t.Run(name, func(t *testing.T) {
			o := play(t, Run{Offer: 9 * time.Minute, Server: decasim.ServerConfig{Source: newWorld(10), AllowedConnections: 2, CutOldest: oldest, ExcessGrace: 30 * time.Second}})
			o.sound(t)
			require.Equal(t, 2, strings.Count(strings.Join(o.Notes, "\n"), `lower option "connections"`), o.Notes)
			require.Equal(t, 4, strings.Count(strings.Join(o.Notes, "\n"), "connected"), o.Notes)
		})
	}
}

// TestTwoProcessesOneAccount: more is wanted than X allows, by two processes that know nothing of each
// other. They must settle, not knock each other out for ever.
func TestTwoProcessesOneAccount(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many minutes of fake time")
	}
	for name, oldest := range map[string]bool{"newest is cut": false, "oldest is cut": true} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			attempts, live := 0, 0
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(noon))
				l := decasim.NewPipeListener()
				s := decasim.NewServer(decasim.ServerConfig{Source: newWorld(3), AllowedConnections: 4, CutOldest: oldest, ExcessGrace: time.Minute, ConnectLimit: -1})
				var wg, serving sync.WaitGroup
				serving.Go(func() { _ = s.Serve(l) })
				ctx, stop := context.WithCancel(t.Context())
				w := encode.NewWriter(io.Discard)
				writing, stopWriting := context.WithCancel(context.Background())
				wg.Go(func() { w.Run(writing) })
				var engines sync.WaitGroup
				for range 2 {
					cfg := Run{}.config(l, w, &Outcome{})
					cfg.Engine.Listener.Stepped = func(_ time.Time, _ core.Event, out *core.Ready) {
						mu.Lock()
						defer mu.Unlock()
						attempts += len(out.Connect)
					}
					stream, err := app.New(cfg)
					require.NoError(t, err)
					engines.Go(func() { _ = stream.Run(ctx) })
				}
				time.Sleep(55 * time.Minute)
				live = s.Summary().Live
				stop()
				engines.Wait()
				_ = s.Close()
				serving.Wait()
				stopWriting()
				wg.Wait()
			})
			// More than 4 while X tolerates one that is being tried again.
			require.GreaterOrEqual(t, live, 4, "connections that are allowed are in use")
			// 8 at the start; then the surplus 4 once in 10 minutes, each for the minute that X tolerates it. Where the
			// other process took both places of a partition, one connection asks for it each 20 s, as long as it is dark.
			require.LessOrEqual(t, attempts, 8+4*6+8+3*55, "attempts in 55 minutes")
		})
	}
}

// slowWriter is a reader of stdout that stops for a while.
type slowWriter struct {
	io.Writer
	from, to time.Time
}

func (w *slowWriter) Write(b []byte) (int, error) {
	if now := time.Now(); now.After(w.from) && now.Before(w.to) {
		time.Sleep(w.to.Sub(now))
	}
	return w.Writer.Write(b)
}

// TestReaderOfStdoutStops: the sockets are left unread, the watchdogs rest, no connection is cut by us,
// and when the reader comes back everything that X queued arrives. One alarm says so, and is over in two minutes.
func TestReaderOfStdoutStops(t *testing.T) {
	back := noon.Add(2*time.Minute + 10*time.Second)
	o := play(t, Run{Offer: 5 * time.Minute, Server: decasim.ServerConfig{Source: newWorld(60), QueueLimit: 1 << 20},
		Out: func(w io.Writer) io.Writer { return &slowWriter{w, noon.Add(30 * time.Second), back} }})
	o.sound(t)
	all := strings.Join(o.Notes, "\n")
	require.Equal(t, []string{"us all"}, o.alarms(t), all)
	require.Len(t, o.Notes, 6, "four connects, one alarm, its end, and no end of a connection: %s", all)
	require.Equal(t, 4, strings.Count(all, ": connected"), all)
	require.Contains(t, o.Notes[4], "E! alarm us: ")
	require.Contains(t, o.Notes[4], "who reads the output stands still")
	require.Contains(t, o.Notes[5], "I! alarm us: over: ")
	begun, ended := o.at(t, 4), o.at(t, 5)
	require.True(t, begun.Before(back), all)
	require.True(t, ended.After(back) && ended.Sub(back) <= 2*time.Minute, all)
}

// at is when a note was made, on the day of noon.
func (o *Outcome) at(t *testing.T, i int) time.Time {
	t.Helper()
	at, err := time.Parse("15:04:05.0", strings.Fields(o.Notes[i])[0])
	require.NoError(t, err)
	return noon.Truncate(24 * time.Hour).Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second)
}
