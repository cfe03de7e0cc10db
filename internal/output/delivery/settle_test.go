package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/feedback"
)

// unsure is a Delivery to stdout with an entry of an earlier process, which is written at once.
func unsure(t *testing.T, confirmed bool) (*life, *fakeSpool, *fakeCourier) {
	c, s := newFakeCourier(t), newFakeSpool(t)
	cfg := fill(t, s, 1, 2, 3)
	cfg.Courier, cfg.Acknowledged, cfg.SettleAfter, cfg.Confirmed = c, false, 10*time.Second, confirmed
	l := begin(t, cfg, s)
	synctest.Wait()
	require.Equal(t, 1, c.count())
	require.Equal(t, upTo(1, 3), s.ids(), "what was written last may never have been read")
	return l, s, c
}

func TestWrittenEntriesSettle(t *testing.T) {
	within(t, func(t *testing.T) {
		_, s, _ := unsure(t, false)
		sleep(9 * time.Second)
		require.Equal(t, upTo(1, 3), s.ids())
		sleep(2 * time.Second)
		require.Empty(t, s.ids())
	})
}

// What Telegraf holds in its buffers is lost with it: it has not settled, however long ago it was written.
func TestBufferedEntriesDoNotSettle(t *testing.T) {
	within(t, func(t *testing.T) {
		begun := time.Now()
		l, s, c := unsure(t, true)
		for range 5 {
			sleep(10 * time.Second)
			l.Feedback(feedback.Effect{Before: begun.UnixNano()})
		}
		require.Equal(t, upTo(1, 3), s.ids())
		l.Feedback(feedback.Effect{Before: begun.UnixNano() + 1})
		sleep(time.Second)
		require.Empty(t, s.ids())
		require.Equal(t, 1, c.count())
	})
}

func TestEntriesSettleWithoutReports(t *testing.T) {
	within(t, func(t *testing.T) {
		_, s, _ := unsure(t, true)
		sleep(confirmTimeout + 2*time.Second)
		require.Empty(t, s.ids())
	})
}

// What Telegraf dropped is sent again, and what it had taken before is not.
func TestDroppedEntriesAreSentAgain(t *testing.T) {
	within(t, func(t *testing.T) {
		begun := time.Now()
		l, s, c := unsure(t, true)
		sleep(20 * time.Second)
		l.Feedback(feedback.Effect{Dropped: 2, DroppedFrom: begun.Add(time.Second).UnixNano(), DroppedTo: time.Now().UnixNano()})
		sleep(time.Second)
		require.Equal(t, 1, c.count(), "it was written before")
		l.Feedback(feedback.Effect{Dropped: 2, DroppedTo: time.Now().UnixNano()})
		sleep(time.Second)
		require.Equal(t, 2, c.count())
		l.Feedback(feedback.Effect{Before: time.Now().UnixNano()})
		sleep(20 * time.Second)
		require.Empty(t, s.ids())
		require.Zero(t, l.Status().Undelivered)
	})
}

func TestPauseByFeedback(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		l := begin(t, testConfig(t, c), newFakeSpool(t))
		l.Feedback(feedback.Effect{Pause: true})
		synctest.Wait()
		require.NoError(t, l.write(t.Context(), 1))
		synctest.Wait()
		require.Zero(t, c.count())
		require.True(t, l.Behind())
		l.Feedback(feedback.Effect{})
		synctest.Wait()
		require.Equal(t, 1, c.count())
		require.False(t, l.Behind())
	})
}

// An orderly stop whose reader took everything leaves nothing to be written again.
func TestTakenLeavesNothing(t *testing.T) {
	within(t, func(t *testing.T) {
		l, s, _ := unsure(t, false)
		require.NoError(t, l.Stop(in(t, time.Second)))
		require.Equal(t, upTo(1, 3), s.ids())
		require.NoError(t, l.Taken())
		require.Empty(t, s.ids())
	})
}
