package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/core/refill"
	"github.com/decahose/telegraf-decahose/internal/output/delivery"
	"github.com/decahose/telegraf-decahose/internal/output/encode"
	"github.com/decahose/telegraf-decahose/internal/output/feedback"
	"github.com/decahose/telegraf-decahose/internal/output/point"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
	"github.com/decahose/telegraf-decahose/internal/record/wire"
	"github.com/decahose/telegraf-decahose/internal/source/stream"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/timeline"
)

func mute(int, net.Conn) {}

// begun is a run whose turns the test takes.
func (h *fixture) begun(t *testing.T) *run {
	t.Helper()
	r := newRun(New(h.Config))
	ctx, cancel := context.WithCancel(context.Background())
	h.asking = ctx
	t.Cleanup(func() { cancel(); r.close() })
	return r
}

// stale is a message of a request that was given up: it only gives its batch back.
func (r *run) stale() message {
	b := wire.NewBatch()
	if !r.e.old.take(b.Size(), nil) {
		panic("it is full")
	}
	return message{Event: core.Event{Kind: core.Received, Conn: len(r.names), Batch: b}, by: &session{}}
}

func (r *run) staleWaits() bool {
	used, _ := r.e.old.state()
	return used > 0
}

// arms are the arms of turn's select: how one gets ready, and whether it was taken.
var arms = []struct {
	name  string
	ready func(h *fixture, r *run)
	taken func(h *fixture, r *run) bool
}{
	{"events", func(_ *fixture, r *run) {
		s, _ := r.session(r.events, 0)
		r.events <- message{core.Event{Kind: core.Opened}, s}
	}, event(core.Opened)},
	{"requests", func(_ *fixture, r *run) { r.requests <- r.stale() }, func(_ *fixture, r *run) bool { return !r.staleWaits() }},
	{"store", func(h *fixture, r *run) { h.x.wg.Go(func() { r.answer(core.Event{Kind: core.Ordered}) }) }, event(core.Ordered)},
	{"written", func(_ *fixture, r *run) {
		r.tweets.queued, r.tweets.bytes = 1, 700
		r.tweets.back <- item{size: 700}
	}, func(_ *fixture, r *run) bool { return r.tweets.queued == 0 && r.tweets.bytes == 0 }},
	{"counters written", func(_ *fixture, r *run) { r.points.queued = 1; r.points.back <- item{err: errors.New("full")} },
		func(_ *fixture, r *run) bool { return r.points.queued == 0 && r.err != nil }},
	{"outcomes", func(h *fixture, _ *run) {
		h.Delivery.(*outputs).outcomes <- delivery.Outcome{Refused: []ledger.Sent{{ID: 7}}}
	}, event(core.Delivered)},
	{"delivery stopped", func(_ *fixture, r *run) { r.stopped = make(chan error, 1); r.stopped <- errors.New("not all") },
		func(_ *fixture, r *run) bool { return r.stopped == nil && r.err != nil }},
	{"reports", func(_ *fixture, r *run) { r.e.Report(feedback.Report{Output: "file"}) }, event(core.Reported)},
	{"points", func(h *fixture, r *run) { h.x.wg.Go(func() { _ = r.e.Emit(h.asking, []point.Point{{Name: "mine"}}) }) },
		func(h *fixture, _ *run) bool {
			return slices.Contains(h.points.open, "mine") && h.events[core.Tick] == 1
		}},
	{"timer", func(_ *fixture, r *run) { r.timer.Reset(0) }, event(core.Tick)},
	{"polls", func(_ *fixture, r *run) { r.e.Poll() }, event(core.Poll)},
	{"questions", func(h *fixture, r *run) {
		h.x.wg.Go(func() { h.events[core.Final] += 1 + len(r.e.Quarantined(h.asking)) })
	}, func(h *fixture, _ *run) bool { synctest.Wait(); return h.events[core.Final] == 1 }},
}

func event(k core.Kind) func(*fixture, *run) bool {
	return func(h *fixture, _ *run) bool { return h.events[k] == 1 }
}

func newTurning() *fixture {
	h := newFixture(mute)
	h.Delivery = &outputs{outcomes: make(chan delivery.Outcome, 1)}
	h.Core.Recovery = refill.Rules{Method: refill.Replay, Jobs: 1, Window: time.Hour, Horizon: time.Hour, Limit: 1, Period: time.Hour}
	return h
}

// Each thing that can happen is taken at once, and so is the stop while nothing happens.
func TestEachArmIsTaken(t *testing.T) {
	for _, c := range arms {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newTurning()
				r := h.begun(t)
				c.ready(h, r)
				synctest.Wait()
				r.turn(nil)
				require.True(t, c.taken(h, r))
				require.Equal(t, noon, time.Now().UTC(), "nothing was waited for")
			})
		})
	}
}

// The stop is heard beside anything that goes on happening.
func TestTheStopAmongEachArm(t *testing.T) {
	for _, c := range arms {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				done := make(chan struct{})
				close(done)
				for n := 0; ; n++ { // select is fair: some time it hears the stop, though the other is ready too
					require.Less(t, n, 100)
					h := newTurning()
					r := h.begun(t)
					c.ready(h, r)
					synctest.Wait()
					if r.turn(done); !c.taken(h, r) {
						r.turn(nil)
						require.True(t, c.taken(h, r), "and what was not taken waits")
						return
					}
				}
			})
		})
	}
}

// What has to wait is not taken, and all else is.
func TestWhatHasToWait(t *testing.T) {
	full := func(q *sinkQueue) { q.queued, q.since = cap(q.queue), noon.Add(-time.Minute) }
	for _, c := range []struct {
		name  string
		gate  func(h *fixture, r *run)
		waits []string
	}{
		{"nothing", func(*fixture, *run) {}, nil},
		{"the sink is full", func(h *fixture, r *run) { h.tweets.open = idBatch{1}; full(r.tweets) }, []string{"events", "requests"}},
		{"the sink is full and nothing waits for it", func(_ *fixture, r *run) { r.tweets.queued = cap(r.tweets.queue) }, nil},
		{"the sink of counters is full", func(h *fixture, r *run) { h.points.open = []string{"x"}; full(r.points) }, []string{"points"}},
		{"many wait for the disk", func(_ *fixture, r *run) { r.store.waits = maxWaiting }, []string{"events", "requests"}},
		{"some wait for the disk", func(_ *fixture, r *run) { r.store.waits = maxWaiting - 1 }, nil},
		{"the outputs are behind", func(h *fixture, _ *run) { h.Delivery.(*outputs).behind = true }, []string{"requests"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				done := make(chan struct{})
				close(done)
				for _, arm := range arms {
					waits := 0
					for range 30 {
						h := newTurning()
						r := h.begun(t)
						arm.ready(h, r)
						c.gate(h, r)
						synctest.Wait()
						if r.turn(done); arm.name != "questions" && !arm.taken(h, r) {
							waits++
						}
						r.tweets.queued, r.points.queued = 0, 0
					}
					for _, name := range c.waits {
						if name == arm.name {
							require.Equal(t, 30, waits, arm.name)
						}
					}
					if len(c.waits) == 0 {
						require.Less(t, waits, 30, arm.name)
					}
				}
			})
		})
	}
}

// The live stream comes before what is old, also where both wait.
func TestRequestsGiveWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newTurning()
		r := h.begun(t)
		for range 20 {
			r.events <- message{core.Event{Kind: core.Silent}, &session{}}
		}
		r.requests <- r.stale()
		for len(r.events) > 0 {
			require.True(t, r.staleWaits())
			r.turn(nil)
		}
		for n := 0; r.staleWaits(); n++ {
			require.Less(t, n, 100)
			r.turn(nil)
		}
	})
}

func TestBehind(t *testing.T) {
	h := newFixture(mute)
	r := h.begun(t)
	r.tweets.queued = maxQueue/2 - 1
	require.False(t, r.behind())
	r.tweets.queued++
	require.True(t, r.behind(), "half of the queue waits")
	r.tweets.queued = 0
	o := &outputs{}
	r.cfg.Delivery = o
	require.False(t, r.behind())
	o.behind = true
	require.True(t, r.behind(), "a delivery knows better")
}

// notingTweets hears of what a sink is given.
type notingTweets struct {
	*tweetSink
	told func(string)
}

func (n notingTweets) AddTweet(t *tweet.Tweet, p int) bool {
	n.told(fmt.Sprint("tweet of ", p))
	return n.tweetSink.AddTweet(t, p)
}

type notingPoints struct {
	*pointSink
	told func(string)
}

func (n notingPoints) AddPoint(p *encode.Point) error {
	n.told("point")
	return n.pointSink.AddPoint(p)
}

// What is ready is done in the order that core.Ready says: nobody is asked for Tweets before the intent to ask was given to the disk, and
// nothing is given to the disk before the Tweets behind it are on their way.
func TestReadyIsCarriedOutInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newTurning()
		var r *run
		var told []string
		note := func(word string) {
			told = append(told, fmt.Sprint(word, ", to the disk ", len(r.store.commits)+len(r.store.loads)))
		}
		h.Tweets, h.Points = notingTweets{h.tweets, note}, notingPoints{h.points, note}
		h.Delivery.(*outputs).told = note
		h.URL = func(partition, backfill int) string {
			note(fmt.Sprint("connect ", partition, " ", backfill))
			return "http://127.0.0.1:1/"
		}
		h.Requesters = h.Clients
		h.RequestURL = func(q refill.Request) string {
			note(fmt.Sprint("request ", q.From, " ", q.To))
			return "http://127.0.0.1:1/"
		}
		h.Listener.Note = func(n core.Note) { note("note " + n.Text) }
		h.Listener.Stepped = func(_ time.Time, _ core.Event, out *core.Ready) {
			*out = core.Ready{Close: []core.Close{{Conn: 0, Class: "silence"}}, Tweets: []tweet.Tweet{{ID: 7}}, From: []int32{1},
				Points: []point.Point{{Name: "a"}}, Load: []timeline.Minute{7}, Commit: &ledger.Commit{Seq: 1}, Connect: []core.Connect{{Backfill: 3}},
				Requests: []core.Ask{{Conn: 1, Archive: core.X, Query: refill.Request{From: 1, To: 2}}}, Feedback: &feedback.Effect{},
				Notes: []core.Note{{Text: "it is so"}}, Wake: noon.Add(time.Minute)}
		}
		r = h.begun(t)
		s, _ := r.session(r.events, 0)
		s.cancel = func(cause error) { note("close " + cause.Error()) }
		r.step(core.Event{Kind: core.Tick})
		require.Equal(t, []string{"close " + stream.Closed("silence").Error() + ", to the disk 0", "tweet of 1, to the disk 0", "point, to the disk 0",
			"connect 1 3, to the disk 2", "request 1970-01-01T00:01Z 1970-01-01T00:02Z, to the disk 2", "feedback, to the disk 2", "note it is so, to the disk 2"}, told)
		require.EqualValues(t, 1, r.tweets.tweets, "of the open batch")
		require.NotSame(t, s, r.sessions[0])
		require.Equal(t, 2, r.store.busy)
		require.Equal(t, noon, r.store.committing.UTC())
		h.Listener.Stepped = nil
		r.cfg.Listener.Stepped = nil
		told = nil
		r.store.busy, r.store.wanted = 0, nil
	})
}

// What is woken for is the earliest of what the core wants and what waits in a sink.
func TestWake(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newTurning()
		var wake time.Time
		h.Listener.Stepped = func(_ time.Time, _ core.Event, out *core.Ready) { *out = core.Ready{Wake: wake} }
		r := h.begun(t)
		waits := func() time.Duration {
			began := time.Now()
			r.step(core.Event{Kind: core.Tick})
			<-r.timer.C
			return time.Since(began)
		}
		wake = time.Now().Add(time.Minute)
		require.Equal(t, time.Minute, waits())
		wake = time.Now().Add(-time.Hour)
		require.Zero(t, waits())
		wake = time.Now().Add(time.Minute)
		h.points.open = []string{"x"}
		require.Equal(t, encode.FlushAfter, waits())
		h.points.open, r.points.since = nil, time.Time{}
		h.tweets.open = idBatch{1}
		require.Equal(t, encode.FlushAfter, waits())
		h.tweets.open, r.tweets.since = nil, time.Time{}
		wake = time.Now().Add(time.Millisecond)
		h.tweets.open = idBatch{1}
		require.Equal(t, time.Millisecond, waits(), "the core's is earlier")
		h.tweets.open = nil
	})
}

// A point that cannot be written is told of, and the others are written.
func TestAPointThatCannotBeWritten(t *testing.T) {
	h := newFixture(mute)
	r := h.begun(t)
	r.addPoints([]point.Point{{Name: "a"}, {}, {Name: "b"}})
	require.Equal(t, []string{"a", "b"}, h.points.open)
	require.Equal(t, []string{"BUG: unexpected EOF"}, h.notes)
	h.points.open = nil
}
