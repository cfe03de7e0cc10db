package delivery

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

func TestLaterGoesToTheSpoolAndIsProbed(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = func(ctx context.Context, ids []snowflake.ID) (Verdict, error) {
			time.Sleep(time.Millisecond)
			return later(ctx, ids)
		}
		cfg := testConfig(t, c)
		l := begin(t, cfg, s)
		require.NoError(t, l.write(t.Context(), upTo(1, 40)...))
		sleep(2 * time.Millisecond)
		require.Equal(t, 2, c.count())
		require.ElementsMatch(t, upTo(1, 20), s.ids())
		safe, _, _ := l.now()
		require.EqualValues(t, 20, safe, "the head never waits longer than one delivery")
		require.Equal(t, Retrying, l.Status().State)
		c.Lock()
		c.maxInFlight = 0
		c.Unlock()
		sleep(10 * time.Minute)
		require.Equal(t, 1, c.maxInFlight, "one batch at a time")
		require.Equal(t, Retrying, l.Status().State)
		requireBackoff(t, c.times[1:])
		safe, _, _ = l.now()
		require.EqualValues(t, 40, safe)
		c.say(nil)
		sleep(time.Minute)
		require.Equal(t, Idle, l.Status().State)
		_, delivered, _ := l.now()
		require.Equal(t, 40, delivered)
		require.Empty(t, s.ids())
		requireTold(t, l, 11)
	})
}

func requireBackoff(t *testing.T, times []time.Time) {
	t.Helper()
	for i, most := 1, minBackoff; i < len(times); i, most = i+1, min(2*most, maxBackoff) {
		gap := times[i].Sub(times[i-1])
		require.GreaterOrEqual(t, gap, most/2)
		require.LessOrEqual(t, gap, most+time.Millisecond, "and the millisecond that the answer takes")
	}
	require.Greater(t, len(times), 20)
}

// requireTold wants one beginning, one line a minute and one end.
func requireTold(t *testing.T, l *life, minutes int) {
	t.Helper()
	said := l.logged()
	end := len(said) - 1
	for _, w := range said[:end] {
		require.Equal(t, "W Tweets are not accepted, and will be sent again: sink says no", w)
	}
	require.InDelta(t, minutes, end, 1)
	require.True(t, strings.HasPrefix(said[end], "I Tweets are accepted again; "), said[end])
}

func TestLaterWithoutASpoolStaysInMemory(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		c.answer = later
		l := begin(t, testConfig(t, c), nil)
		require.NoError(t, l.write(t.Context(), upTo(1, 10)...))
		sleep(time.Minute)
		safe, _, _ := l.now()
		require.Zero(t, safe)
		c.say(nil)
		sleep(time.Minute)
		safe, delivered, _ := l.now()
		require.EqualValues(t, 10, safe)
		require.Equal(t, 10, delivered)
		require.Positive(t, l.Status().Retries)
	})
}

func TestLaterStaysInMemoryWhileTheSpoolIsFull(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = later
		s.fail = func() error { return errDisk }
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), upTo(1, 10)...))
		sleep(time.Minute)
		safe, _, _ := l.now()
		require.Zero(t, safe)
		s.set(func() { s.fail = nil })
		sleep(time.Minute)
		safe, _, _ = l.now()
		require.EqualValues(t, 10, safe)
		require.Equal(t, upTo(1, 10), s.ids())
	})
}

func TestOneBadTweetIsFound(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		within(t, func(t *testing.T) {
			c, s := newFakeCourier(t), newFakeSpool(t)
			c.answer = bad(137)
			cfg := testConfig(t, c)
			cfg.Most, cfg.Memory = 500, 1000
			var on spooler
			if keeps {
				on = s
			}
			l := begin(t, cfg, on)
			require.NoError(t, l.write(t.Context(), upTo(1, 500)...))
			synctest.Wait()
			safe, delivered, refused := l.now()
			require.EqualValues(t, 500, safe)
			require.Equal(t, 499, delivered)
			require.Equal(t, []snowflake.ID{137}, refused)
			require.LessOrEqual(t, c.count(), 1+2*9)
			require.Equal(t, []string{"E Tweets refused and in quarantine: 1; the last one: bad line"}, l.logged())
			require.Equal(t, Status{State: Idle, Refused: 1}, l.Status())
			if keeps {
				require.Equal(t, map[snowflake.ID]string{137: "bad line"}, s.refused)
			}
		})
	}
}

func TestBadTweetsInTheSpoolAreFound(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		cfg := fill(t, s, upTo(1, 500)...)
		c.answer = bad(1, 250, 500)
		cfg.Courier, s.settled = c, c.accepted
		l := begin(t, cfg, s)
		sleep(time.Second)
		safe, delivered, refused := l.now()
		require.Zero(t, safe, "they were safe before")
		require.Equal(t, 497, delivered)
		require.ElementsMatch(t, []snowflake.ID{1, 250, 500}, refused)
		require.LessOrEqual(t, c.count(), 1+3*2*9)
		require.Len(t, s.refused, 3)
		require.Empty(t, s.ids())
		require.Equal(t, Status{State: Idle, Refused: 3}, l.Status())
	})
}

// fill puts one entry into s, by a process that delivers nothing, and returns the Config of the next.
func fill(t *testing.T, s *fakeSpool, ids ...snowflake.ID) Config {
	c := newFakeCourier(t)
	c.answer = hang
	cfg := testConfig(t, c)
	cfg.Most, cfg.Memory = 500, 1000
	l := start(t, cfg, s)
	require.NoError(t, l.write(t.Context(), ids...))
	require.NoError(t, l.Stop(cancelled(t)))
	l.end()
	require.Equal(t, ids, s.ids())
	cfg.Past = s.past()
	return cfg
}

func TestLargerEntriesOfAnEarlierProcessAreCut(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		cfg := fill(t, s, upTo(1, 500)...)
		cfg.Courier, cfg.Most, cfg.Memory = c, 100, 200
		l := begin(t, cfg, s)
		sleep(time.Second)
		_, delivered, _ := l.now()
		require.Equal(t, 500, delivered)
		for _, ids := range c.posts {
			require.LessOrEqual(t, len(ids), 100)
		}
		l.requireBooks(0)
	})
}

func TestTheOneThatIsAlwaysPutOffIsFound(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = func(ctx context.Context, ids []snowflake.ID) (Verdict, error) {
			if slices.Contains(ids, 7) {
				return later(ctx, ids)
			}
			return Accepted, nil
		}
		l := begin(t, testConfig(t, c), s)
		for i := range snowflake.ID(600) {
			require.NoError(t, l.write(t.Context(), upTo(1+10*i, 10+10*i)...))
			sleep(time.Second)
		}
		_, delivered, refused := l.now()
		require.Equal(t, []snowflake.ID{7}, refused)
		require.Equal(t, 5999, delivered)
		with := 0
		for _, ids := range c.posts {
			if slices.Contains(ids, 7) {
				with++
			}
		}
		require.GreaterOrEqual(t, with, 3*batchBlameThreshold+tweetBlameThreshold, "with 9 others, with 4, with 1, then alone")
		require.LessOrEqual(t, with, 40)
	})
}

// However many batches the outputs always put off, the oldest ones, all others are delivered, and those are found: with a
// spool and without.
func TestThoseThatAreAlwaysPutOffHoldUpNobody(t *testing.T) {
	for name, keeps := range map[string]bool{"spool": true, "memory": false} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T) {
				const sticky = 8
				c := newFakeCourier(t)
				c.answer = func(ctx context.Context, ids []snowflake.ID) (Verdict, error) {
					if slices.ContainsFunc(ids, func(id snowflake.ID) bool { return id <= sticky }) {
						return later(ctx, ids)
					}
					return after(10*time.Millisecond, Accepted)(ctx, ids)
				}
				cfg := testConfig(t, c)
				cfg.Most, cfg.Memory, cfg.Slots = 1, 20, 2
				var on spooler
				if keeps {
					on, cfg.Bytes = newFakeSpool(t), 50 // memory holds one entry of the spool, and nothing fresh beside it
				}
				l := begin(t, cfg, on)
				for id := range snowflake.ID(sticky) {
					require.NoError(t, l.write(t.Context(), id+1))
				}
				sleep(time.Minute) // all of them have been put off, and are tried in turns
				const others = 3600
				for id := range snowflake.ID(others) {
					require.NoError(t, l.write(t.Context(), sticky+id+1))
					sleep(time.Second)
				}
				require.LessOrEqual(t, l.Status().Undelivered, int64(1))
				_, delivered, refused := l.now()
				require.InDelta(t, others, delivered, 1)
				require.Len(t, refused, sticky)
			})
		})
	}
}

func TestAMoodySinkBlamesNobody(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		n := 0
		c.answer = func(ctx context.Context, ids []snowflake.ID) (Verdict, error) {
			c.Lock()
			n++
			good := n%3 == 0
			c.Unlock()
			if good {
				return Accepted, nil
			}
			return later(ctx, ids)
		}
		l := begin(t, testConfig(t, c), s)
		for id := range snowflake.ID(2000) {
			require.NoError(t, l.write(t.Context(), 1+id))
			sleep(time.Second)
		}
		sleep(time.Hour)
		_, delivered, refused := l.now()
		require.Equal(t, 2000, delivered)
		require.Empty(t, refused)
	})
}

func TestAnOutageBlamesNobody(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = later
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), 1))
		sleep(24 * time.Hour)
		require.Greater(t, c.count(), 100)
		c.say(nil)
		sleep(time.Minute)
		_, delivered, refused := l.now()
		require.Equal(t, 1, delivered)
		require.Empty(t, refused)
	})
}
