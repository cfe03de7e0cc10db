package clock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/timeline"
)

// ticker is a stream as the clock hears it: connections whose Tweets are late by so much.
type ticker struct {
	k     Clock
	now   time.Time
	wall  time.Duration // of our wall clock against ours
	ahead time.Duration // of the stream's time against ours
	late  []time.Duration
}

func newTicker(connections int) *ticker {
	return &ticker{k: New(connections), now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), late: make([]time.Duration, connections)}
}

// bring lets a connection bring Tweets that are off by so much, in one batch.
func (x *ticker) bring(connection int, off ...time.Duration) {
	x.k.Listen(x.now, x.now.Add(x.wall).UnixNano())
	newest := int64(0)
	for _, d := range off {
		newest = max(newest, x.k.Hear(connection, x.now.Add(x.ahead+d).UnixMilli()))
	}
	x.k.Heard(newest)
}

// run lets all connections bring Tweets for a while, five a second.
func (x *ticker) run(d time.Duration) {
	for end := x.now.Add(d); x.now.Before(end); x.now = x.now.Add(200 * time.Millisecond) {
		for c, late := range x.late {
			x.bring(c, -late)
		}
	}
}

// off is how far the clock is from the stream's time.
func (x *ticker) off() time.Duration {
	return time.Duration(x.k.At(x.now)-x.now.Add(x.ahead).UnixMilli()) * time.Millisecond
}

// Sure is the same of what is certain.
func (x *ticker) sure() time.Duration {
	return time.Duration(x.k.Sure(x.now)-x.now.Add(x.ahead).UnixMilli()) * time.Millisecond
}

func requireNear(t *testing.T, want, got time.Duration) {
	t.Helper()
	require.LessOrEqual(t, (got - want).Abs(), time.Second)
}

func TestAWrongClockOfTheHostIsFoundOut(t *testing.T) {
	for _, ahead := range []time.Duration{-26 * time.Hour, -time.Minute, 0, 3 * time.Second, 20 * time.Second, 24 * time.Hour, 9000 * time.Hour} {
		x := newTicker(4)
		x.ahead = ahead
		x.run(time.Second)
		require.Equal(t, ahead.Abs() <= timeline.Settle, x.k.Set(), ahead)
		x.run(agreeing * time.Second)
		requireNear(t, 0, x.off())
		requireNear(t, 0, x.sure())
		require.False(t, x.k.Doubtful())
	}
}

func TestFewIDsMoveNothing(t *testing.T) {
	for _, lies := range [][]time.Duration{{time.Minute}, {9 * time.Minute, 9*time.Minute + 3*time.Second}, {100 * time.Hour}, {-9 * time.Minute}, {-time.Hour}, {-1e6 * time.Hour}} {
		x := newTicker(2)
		for range 40 {
			x.bring(0, lies...)
			x.run(time.Second)
			x.bring(1, lies...)
			requireNear(t, 0, x.off())
		}
	}
}

// A walk: each a second ahead of the one before, a hundred in a batch, for a minute; the others are honest.
func TestIDsThatWalkMoveNothing(t *testing.T) {
	x := newTicker(2)
	x.run(10 * time.Second)
	ahead := time.Duration(0)
	for range 60 {
		var walk []time.Duration
		for range 100 {
			ahead += time.Second
			walk = append(walk, ahead)
		}
		x.run(600 * time.Millisecond)
		x.bring(1, walk...)
		x.run(400 * time.Millisecond)
		requireNear(t, 0, x.off())
		requireNear(t, 0, x.sure())
	}
}

// Half of the Tweets of all connections lie, all the same.
func TestHalfOfTheTweetsMoveNothing(t *testing.T) {
	for _, lie := range []time.Duration{20 * time.Second, 9 * time.Minute, 20 * time.Hour, -9 * time.Minute} {
		x := newTicker(2)
		x.run(10 * time.Second)
		for range 1000 {
			x.bring(0, lie, 0)
			x.bring(1, lie, 0)
			x.now = x.now.Add(time.Second)
			requireNear(t, 0, x.off())
		}
	}
}

// One connection of several that lies all the time convinces nobody.
func TestAConnectionThatLiesMovesNothing(t *testing.T) {
	x := newTicker(3)
	x.run(10 * time.Second)
	x.late[1] = -8 * time.Minute
	x.run(time.Hour)
	requireNear(t, 0, x.off())
}

// What counts of a Tweet is the stream's present at most, however many say that it is a little later.
func TestNothingCountsThatIsToCome(t *testing.T) {
	x := newTicker(1)
	x.run(time.Minute)
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, timeline.Settle} {
		require.LessOrEqual(t, x.k.Hear(0, x.k.At(x.now)+d.Milliseconds()), x.k.At(x.now), d)
	}
	require.Zero(t, x.k.Hear(0, x.k.At(x.now)+timeline.Settle.Milliseconds()+1000))
}

// This host sleeps, and its steady clock with it: the stream's time leaps, and is certain where the wall clock says the
// same, else when it has kept step with our own clock for an hour.
func TestALeapHasToBeProven(t *testing.T) {
	for _, witnessed := range []bool{true, false} {
		x := newTicker(2)
		x.run(time.Minute)
		x.ahead += 3 * time.Hour
		if witnessed {
			x.wall += 3 * time.Hour
		}
		x.run(agreeing*time.Second + 2*time.Second)
		requireNear(t, 0, x.off())
		if witnessed {
			requireNear(t, 0, x.sure())
			continue
		}
		requireNear(t, -3*time.Hour, x.sure())
		x.run(proven - 20*time.Second)
		requireNear(t, -3*time.Hour, x.sure())
		x.run(30 * time.Second)
		requireNear(t, 0, x.sure())
	}
}

// A stream that is late for long is taken at its word; when it is not late any more, that is known at once.
func TestLateTweetsTakeTheTimeBackSlowly(t *testing.T) {
	x := newTicker(2)
	x.run(time.Minute)
	x.late[0], x.late[1] = time.Minute, time.Minute
	x.run(plausible - 10*time.Second)
	requireNear(t, 0, x.off())
	x.run(20 * time.Second)
	requireNear(t, -time.Minute, x.off())
	x.late[0], x.late[1] = 0, 0
	x.run(agreeing*time.Second + 2*time.Second)
	requireNear(t, 0, x.off())
}

// A backfill runs ahead of our own clock until it is through: no time is told by it.
func TestABackfillTellsNoTime(t *testing.T) {
	x := newTicker(1)
	x.k.Guess(x.now.Add(2*time.Hour).UnixMilli(), x.now, x.now.UnixNano())
	for behind := 5 * time.Minute; behind > 0; behind -= 15 * time.Second {
		x.bring(0, -behind, -behind+7*time.Second)
		require.True(t, x.k.guessed, behind)
		x.now = x.now.Add(time.Second)
	}
	x.run(agreeing*time.Second + 2*time.Second)
	requireNear(t, 0, x.off())
}

func TestHearingDoesNotAllocate(t *testing.T) {
	x := newTicker(4)
	x.run(time.Minute)
	require.Zero(t, testing.AllocsPerRun(1000, func() { x.run(time.Second) }))
}
