package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func TestWhatComesGoesOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sent []snowflake.ID
		h := newFixture(func(_ int, c net.Conn) { sent = feed(c, 500, 10*time.Millisecond) })
		stopping, e, err := h.play(10 * time.Second)
		require.NoError(t, err)
		require.Less(t, stopping, time.Second)
		e.Wait()
		require.Len(t, sent, 500)
		require.Equal(t, sent, h.tweets.out())
		require.Positive(t, h.events[core.Written])
		require.Equal(t, 1, h.events[core.Final])
		used, most := e.Waiting()
		require.Zero(t, used)
		require.Positive(t, most)
	})
}

// What a session has handed over when the stop comes goes out, at whatever moment that is; nothing goes out twice, or out of order.
func TestASessionThatDeliversWhileTheStopComes(t *testing.T) {
	for _, slow := range []time.Duration{0, 7 * time.Millisecond} {
		for ms := range 30 {
			bubble(t, func(t *testing.T) {
				var sent []snowflake.ID
				h := newFixture(func(_ int, c net.Conn) { sent = bursts(c) })
				h.tweets.write = func(context.Context) error { time.Sleep(slow); return nil }
				_, e, err := h.play(time.Duration(ms) * time.Millisecond)
				require.NoError(t, err)
				used, _ := e.Waiting()
				require.Zero(t, used, "each batch came to its end")
				out := h.tweets.out()
				require.Equal(t, h.took, out)
				require.GreaterOrEqual(t, len(sent)+1, len(out))
				require.Equal(t, sent[:min(len(sent), len(out))], out[:min(len(sent), len(out))])
				if ms > 10 {
					require.NotEmpty(t, out)
				}
			})
		}
	}
}

// bursts answers, and sends thirty Tweets each millisecond until the connection ends.
func bursts(c net.Conn) (taken []snowflake.ID) {
	_, err := io.WriteString(c, accepted)
	for n := 0; err == nil; n++ {
		id := idAt(time.Now(), n&0x3fffff)
		if _, err = io.WriteString(c, record(id)); err == nil {
			taken = append(taken, id)
		}
		if n%30 == 29 {
			time.Sleep(time.Millisecond)
		}
	}
	return taken
}

// A sink that takes nothing holds up X, and neither timers nor questions nor the stop. When it goes on, all is there.
func TestABlockedSink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sent atomic.Int64
		h := newFixture(func(_ int, c net.Conn) {
			_, _ = io.WriteString(c, accepted)
			for n := 0; ; n++ {
				if _, err := io.WriteString(c, record(idAt(time.Now(), n&0x3fffff))); err != nil {
					return
				}
				sent.Add(1)
				if n%100 == 99 {
					time.Sleep(time.Millisecond)
				}
			}
		})
		gate := make(chan struct{})
		h.tweets.write = func(ctx context.Context) error {
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		e := New(h.Config)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		h.x.wg.Go(func() { done <- e.Run(ctx) })
		time.Sleep(10 * time.Second)
		held := sent.Load()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, held, sent.Load(), "X is held up")
		require.EqualValues(t, 1, h.x.dialled.Load(), "and its connection is not given up: we are the slow side")
		used, most := e.Waiting()
		require.Positive(t, used)
		require.LessOrEqual(t, most, MaxMemory)
		require.GreaterOrEqual(t, h.events[core.Tick], 3000, "timers go on")
		e.Poll()
		asked, cancel := context.WithTimeout(ctx, time.Second)
		require.Empty(t, e.Quarantined(asked))
		require.NoError(t, asked.Err(), "questions are answered")
		require.NoError(t, e.Emit(asked, []point.Point{{Name: "mine"}}))
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		require.Equal(t, 1, h.events[core.Poll])
		require.Contains(t, h.points.out(), "mine")

		close(gate)
		time.Sleep(200 * time.Millisecond)
		require.Greater(t, sent.Load(), held)
		stop()
		require.NoError(t, <-done)
		h.x.wg.Wait()
		out := h.tweets.out()
		require.Equal(t, h.took, out)
		require.GreaterOrEqual(t, int64(len(out)), held)
	})
}

// A sink that is still blocked at the stop holds it up for DrainTimeout, and the error says what that means.
func TestASinkThatIsBlockedAtTheStop(t *testing.T) {
	for name, c := range map[string]struct {
		tweets, points bool
		want           error
	}{"Tweets": {tweets: true, want: errUndelivered}, "counters": {points: true, want: errUnfinished}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newFixture(func(_ int, c net.Conn) { feed(c, 100, time.Millisecond) })
				blocked := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
				if c.tweets {
					h.tweets.write = blocked
				}
				if c.points {
					h.points.write = blocked
				}
				h.DrainTimeout = 2 * time.Second
				stopping, e, err := h.play(20 * time.Second)
				require.ErrorIs(t, err, c.want)
				require.Equal(t, 2*time.Second, stopping)
				e.Wait() // a sink's Write ends with its context
				require.Equal(t, c.points, h.events[core.Final] == 1, "no end in order without the Tweets")
				require.Equal(t, c.points, len(h.tweets.out()) == 100)
			})
		})
	}
}

// A sink that fails ends the run: nothing that came after is told to be written.
func TestASinkThatFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newFixture(func(_ int, c net.Conn) { feed(c, 1000, 10*time.Millisecond) })
		broken := errors.New("broken pipe")
		n := 0
		h.tweets.write = func(context.Context) error {
			if n++; n > 3 {
				return broken
			}
			return nil
		}
		e := New(h.Config)
		began := time.Now()
		err := e.Run(context.Background())
		h.x.wg.Wait()
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "write batch: ")
		require.Less(t, time.Since(began), time.Minute)
		require.Equal(t, 3, h.events[core.Written])
		e.Wait()
	})
}

// Gap and attempt are durable before a connection is opened, however long the disk takes.
func TestNoConnectionBeforeItsCommit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newFixture(func(n int, c net.Conn) {
			if n == 0 {
				_, _ = io.WriteString(c, accepted)
				for i := range 200 {
					_, _ = io.WriteString(c, record(idAt(time.Now(), i)))
					time.Sleep(100 * time.Millisecond)
				}
				return // it ends
			}
			feed(c, 100, time.Second)
		})
		var events []string // of several goroutines, of which one goes on at a time
		var mu sync.Mutex
		note := func(word string) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, word)
		}
		h.Core.State = true
		h.Store = &fakeStore{commit: func(c *ledger.Commit) error {
			time.Sleep(2 * time.Second)
			for _, g := range c.Gaps {
				if g.State == ledger.GapOpen {
					note("gap durable")
				}
			}
			return nil
		}}
		h.URL = func(_, backfill int) string {
			note("connect " + strings.Repeat("+", backfill))
			return "http://127.0.0.1:1/"
		}
		_, e, err := h.play(time.Minute)
		require.NoError(t, err)
		e.Wait()
		require.GreaterOrEqual(t, len(events), 3)
		require.Equal(t, []string{"connect ", "gap durable", "connect +"}, events[:3])
	})
}

// A store that fails stops what is claimed, and never the stream. What it did not take it is given again.
func TestAFailingStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newFixture(func(_ int, c net.Conn) { feed(c, 600, 100*time.Millisecond) })
		h.Core.State = true
		stored, tries := map[snowflake.ID]int{}, 0
		full := errors.New("no space left on device")
		h.Store = &fakeStore{commit: func(c *ledger.Commit) error {
			if tries++; time.Since(noon) < 90*time.Second && tries > 1 {
				return full
			}
			for _, ids := range c.IDs {
				for _, id := range ids.IDs {
					stored[id]++
				}
			}
			return nil
		}}
		failed := 0
		stepped := h.stepped
		h.Listener.Stepped = func(now time.Time, ev core.Event, out *core.Ready) {
			if ev.Kind == core.Committed {
				require.EqualValues(t, 4096, ev.Bytes)
				if ev.Err != "" {
					require.Equal(t, full.Error(), ev.Err)
					failed++
				}
			}
			stepped(now, ev, out)
		}
		_, e, err := h.play(3 * time.Minute)
		require.NoError(t, err)
		e.Wait()
		require.Greater(t, failed, 3)
		out := h.tweets.out()
		require.Len(t, out, 600)
		require.Contains(t, strings.Join(h.notes, "\n"), full.Error())
		require.Len(t, stored, 600, "nothing is forgotten that a failed commit held")
		for _, id := range out {
			require.Equal(t, 1, stored[id])
		}
	})
}

// A minute whose ids do not come from a disk that hangs holds up its own connection, and the others go on. When the core gives
// them up, what waited goes on without them: it may be written again.
func TestALoadThatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		thaw  time.Duration
		again int
	}{"for a moment": {7 * time.Second / 2, 0}, "for long": {30 * time.Second, 1}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				known := idAt(noon.Add(-2*time.Minute), 7)
				h := newFixture(func(n int, c net.Conn) {
					if n == 0 {
						old(c, known, known+1, known+1)
						return
					}
					feed(c, 100, 30*time.Millisecond)
				})
				h.remembers(known)
				thaw := make(chan struct{})
				h.Store = &fakeStore{load: func(m timeline.Minute) ([]snowflake.ID, error) {
					require.Equal(t, timeline.MinuteOf(known.Milli()), m)
					<-thaw
					return []snowflake.ID{known}, nil
				}}
				var at3, at4 []snowflake.ID
				time.AfterFunc(3*time.Second, func() { at3 = h.tweets.out() })
				time.AfterFunc(4*time.Second, func() { at4 = h.tweets.out() })
				time.AfterFunc(c.thaw, func() { close(thaw) })
				_, e, err := h.play(time.Minute)
				require.NoError(t, err)
				e.Wait()
				require.Greater(t, len(at3), 50, "the other connection goes on")
				require.NotContains(t, at3, known+1)
				require.Equal(t, c.again == 0, slices.Contains(at4, known+1))
				out := h.tweets.out()
				require.Len(t, out, 101+c.again)
				require.Contains(t, out, known+1)
				require.Equal(t, c.again == 1, slices.Contains(out, known))
			})
		})
	}
}

// old answers after a second, sends Tweets of a minute ago, and then heartbeats.
func old(c net.Conn, ids ...snowflake.ID) {
	time.Sleep(time.Second)
	_, _ = io.WriteString(c, accepted)
	for _, id := range ids {
		_, _ = io.WriteString(c, record(id))
	}
	for err := error(nil); err == nil; time.Sleep(5 * time.Second) {
		_, err = io.WriteString(c, "\r\n")
	}
}

// remembers lets the store have an id that is not in memory, and two connections.
func (h *fixture) remembers(id snowflake.ID) {
	m := timeline.MinuteOf(id.Milli())
	h.Core.State, h.Core.Connections = true, 2
	h.Core.Started = ledger.Moment{Wall: noon.UnixNano()}
	h.Core.Past = &ledger.Past{Known: true, Moment: ledger.Moment{Wall: noon.UnixNano(), Stream: noon.UnixMilli()},
		Partitions: []ledger.PartitionRecord{{Partition: 1, Begin: m.Milli(), Position: noon.UnixMilli()}},
		IDs:        map[timeline.Minute]map[int]int{m: {1: 1}}}
}

// Who listens may be slow: callers from outside do not wait for him, and nothing is lost but reports, which say it all again.
func TestASlowListener(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sent []snowflake.ID
		h := newFixture(func(_ int, c net.Conn) { sent = feed(c, 300, 10*time.Millisecond) })
		stepped := h.stepped
		slow := true
		h.Listener.Stepped = func(now time.Time, ev core.Event, out *core.Ready) {
			if stepped(now, ev, out); slow && ev.Kind == core.Received {
				slow = false
				time.Sleep(20 * time.Second)
			}
		}
		e := New(h.Config)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		h.x.wg.Go(func() { done <- e.Run(ctx) })
		time.Sleep(time.Second)
		began := time.Now()
		for range 500 {
			e.Poll()
			e.Report(feedback.Report{Output: "file", At: time.Now().UnixNano(), Limit: 100})
		}
		asked, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		require.Equal(t, time.Duration(0), time.Since(began), "neither waits")
		require.ErrorIs(t, e.Emit(asked, []point.Point{{Name: "mine"}}), context.DeadlineExceeded)
		require.Nil(t, e.Quarantined(asked))
		require.Equal(t, time.Second, time.Since(began))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, h.events[core.Poll], "polls that come faster than they are served are one")
		require.Equal(t, 64, h.events[core.Reported])
		require.NotContains(t, h.points.out(), "mine", "what was not taken is not emitted")
		stop()
		require.NoError(t, <-done)
		h.x.wg.Wait()
		require.Len(t, sent, 300)
		require.Equal(t, sent, h.tweets.out())
	})
}
