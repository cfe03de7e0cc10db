package engine

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

// endingFixture is a fixture whose stop is written down, and whose outputs take all at once.
type endingFixture struct {
	*fixture
	outputs *outputs
	told    []string
	mu      sync.Mutex
}

func newEnding() *endingFixture {
	e := &endingFixture{fixture: newFixture(func(_ int, c net.Conn) { feed(c, 50, 100*time.Millisecond) }), outputs: &outputs{outcomes: make(chan delivery.Outcome, 1000)}}
	e.outputs.told = e.tell
	e.Delivery = e.outputs
	e.tweets.write = func(context.Context) error { e.outputs.outcomes <- delivery.Outcome{Safe: 1}; return nil }
	e.Drained = func(context.Context) bool { e.tell("drained"); return true }
	e.Core.State = true
	e.Store = &fakeStore{commit: func(c *ledger.Commit) error {
		if c.Clean {
			e.tell("clean")
		}
		return nil
	}}
	return e
}

func (e *endingFixture) tell(word string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, word)
}

// The stop is in order: what came is delivered or spooled, the reader has it, and then the state says that this was so.
func TestTheStopIsInOrder(t *testing.T) {
	lost := errors.New("7 Tweets were not put into the spool")
	for _, c := range []struct {
		name string
		edit func(*endingFixture)
		told []string
		err  error
		note string
	}{
		{"all is well", func(*endingFixture) {}, []string{"stop", "drained", "taken", "clean"}, nil, ""},
		{"nobody reads", func(e *endingFixture) {
			e.Drained = func(ctx context.Context) bool { e.tell("drained"); <-ctx.Done(); return false }
		}, []string{"stop", "drained"}, nil, ""},
		{"outputs acknowledge", func(e *endingFixture) { e.Core.Acknowledged = true }, []string{"stop", "drained", "clean"}, nil, ""},
		{"the spool keeps what was read", func(e *endingFixture) { e.outputs.taken = errors.New("disk full") },
			[]string{"stop", "drained", "taken", "clean"}, nil, "what was written last will be written again: disk full"},
		{"not all was spooled", func(e *endingFixture) {
			e.tweets.write = nil // nothing is told to be safe
			e.outputs.stop = func(context.Context) error { return lost }
		}, []string{"stop", "drained", "taken"}, lost, ""},
		{"who reads is not known", func(e *endingFixture) { e.Drained = nil }, []string{"stop", "taken", "clean"}, nil, ""},
		{"no delivery", func(e *endingFixture) { e.Delivery, e.tweets.write = nil, nil }, []string{"drained", "clean"}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				e := newEnding()
				c.edit(e)
				stopping, engine, err := e.play(20 * time.Second)
				require.ErrorIs(t, err, c.err)
				engine.Wait()
				require.Equal(t, c.told, e.told)
				require.Len(t, e.tweets.out(), 50)
				require.LessOrEqual(t, stopping, readTimeout+100*time.Millisecond)
				if c.note != "" {
					require.Contains(t, e.notes, c.note)
				}
			})
		})
	}
}

// Who takes a while to end is waited for: what he has comes before the end.
func TestTheStopWaitsForWhoEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newFixture(mute)
		h.Clients = []*stream.Client{stream.NewClient(stream.Options{Credentials: func() (string, string, error) {
			time.Sleep(time.Second)
			return "", "", errors.New("none")
		}})}
		stepped := h.stepped
		h.Listener.Stepped = func(now time.Time, ev core.Event, out *core.Ready) {
			require.False(t, ev.Kind == core.Final && h.events[core.Ended] == 0, "the end comes before his")
			stepped(now, ev, out)
		}
		stopping, e, err := h.play(300 * time.Millisecond)
		require.NoError(t, err)
		e.Wait()
		require.InDelta(t, 700*time.Millisecond, stopping, float64(100*time.Millisecond))
		require.Equal(t, 1, h.events[core.Final])
	})
}

// What waits in memory for stdout has a second; outputs that acknowledge have none, since the spool has it.
func TestWhatWaitsForStdoutHasAMoment(t *testing.T) {
	for acknowledged, want := range map[bool]time.Duration{false: deliveryTimeout, true: 0} {
		bubble(t, func(t *testing.T) {
			e := newEnding()
			e.Core.Acknowledged = acknowledged
			e.outputs.status.InMemory = 3
			stopping, engine, err := e.play(20 * time.Second)
			require.NoError(t, err)
			engine.Wait()
			require.GreaterOrEqual(t, stopping, want)
			require.LessOrEqual(t, stopping, want+200*time.Millisecond)
		})
	}
}

// Outputs that hang, a reader that hangs and a disk that hangs have DrainTimeout together.
func TestTheStopHasOneDeadline(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		edit func(e *endingFixture)
		err  string
	}{
		"delivery": {func(e *endingFixture) { e.outputs.stop = hang }, context.DeadlineExceeded.Error()},
		"late delivery": {func(e *endingFixture) {
			e.outputs.stop = func(context.Context) error { time.Sleep(2900 * time.Millisecond); return nil }
		}, ""},
		"commits": {func(e *endingFixture) {
			e.Store = &fakeStore{commit: func(*ledger.Commit) error {
				if time.Since(noon) > 10*time.Second {
					time.Sleep(time.Minute)
				}
				return nil
			}}
		}, "the disk of the state hangs"},
		"Tweets": {func(e *endingFixture) { e.tweets.write = hang }, errUndelivered.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				e := newEnding()
				c.edit(e)
				stopping, engine, err := e.play(20 * time.Second)
				if c.err == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, c.err)
				}
				require.LessOrEqual(t, stopping, 3*time.Second+leaveTimeout)
				engine.Wait()
			})
		})
	}
}

// Whatever goes on while the stop comes, it comes, and all that was taken goes out.
func TestTheStopAmidAnything(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(h *fixture, e *Engine)
		kind core.Kind
	}{
		"polls":   {func(_ *fixture, e *Engine) { e.Poll() }, core.Poll},
		"reports": {func(_ *fixture, e *Engine) { e.Report(feedback.Report{Output: "file", Limit: 10}) }, core.Reported},
		"points": {func(h *fixture, e *Engine) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = e.Emit(ctx, []point.Point{{Name: "mine"}})
		}, core.Tick},
		"questions": {func(h *fixture, e *Engine) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			e.Quarantined(ctx)
		}, core.Tick},
		"outcomes": {func(h *fixture, _ *Engine) {
			h.Delivery.(*outputs).outcomes <- delivery.Outcome{Refused: []ledger.Sent{{ID: 7}}}
		}, core.Delivered},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newEnding()
				e := New(h.Config)
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan struct{})
				h.x.wg.Go(func() {
					for {
						select {
						case <-ended:
							return
						case <-time.After(time.Millisecond):
							c.do(h.fixture, e)
						}
					}
				})
				time.AfterFunc(2*time.Second, stop)
				require.NoError(t, e.Run(ctx))
				require.LessOrEqual(t, time.Since(noon), 3*time.Second)
				require.Greater(t, h.events[c.kind], 5)
				close(ended)
				h.x.wg.Wait()
				e.Wait()
				require.Equal(t, h.took, h.tweets.out())
				require.NotEmpty(t, h.took)
				require.Contains(t, h.told, "clean")
			})
		})
	}
}
