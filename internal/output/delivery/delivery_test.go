package delivery

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/record/tweet"
)

// within runs a test in a bubble.
func within(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func TestAcceptedIsSafeAndDelivered(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		l := begin(t, testConfig(t, c), nil)
		require.Equal(t, Idle, l.Status().State)
		require.NoError(t, l.write(t.Context(), upTo(1, 25)...))
		synctest.Wait()
		safe, delivered, refused := l.now()
		require.EqualValues(t, 25, safe)
		require.Equal(t, 25, delivered)
		require.Empty(t, refused)
		require.Equal(t, [][]snowflake.ID{upTo(1, 10), upTo(11, 20), upTo(21, 25)}, inOrder(c.posts))
		require.Equal(t, Status{State: Idle}, l.Status())
		require.NoError(t, l.Stop(t.Context()))
	})
}

func inOrder(posts [][]snowflake.ID) [][]snowflake.ID {
	posts = slices.Clone(posts)
	slices.SortFunc(posts, func(a, b []snowflake.ID) int { return int(a[0] - b[0]) })
	return posts
}

func TestSafeKeepsTheOrder(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		first := make(chan struct{})
		c.answer = func(_ context.Context, ids []snowflake.ID) (Verdict, error) {
			if ids[0] == 1 {
				<-first
			}
			return Accepted, nil
		}
		l := begin(t, testConfig(t, c), nil)
		for _, id := range []snowflake.ID{1, 2, 3} {
			require.NoError(t, l.write(t.Context(), id))
		}
		synctest.Wait()
		safe, delivered, _ := l.now()
		require.Zero(t, safe)
		require.Equal(t, 2, delivered)
		require.EqualValues(t, 1, l.Status().Undelivered)
		close(first)
		synctest.Wait()
		safe, _, _ = l.now()
		require.EqualValues(t, 3, safe)
	})
}

func TestNoMoreThanSlots(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		c.answer = after(time.Second, Accepted)
		cfg := testConfig(t, c)
		cfg.Slots = 3
		l := begin(t, cfg, nil)
		require.NoError(t, l.write(t.Context(), upTo(1, 40)...))
		sleep(1500 * time.Millisecond)
		require.Equal(t, 3, c.maxInFlight)
		require.Equal(t, 4, c.count())
		require.Equal(t, Delivering, l.Status().State)
	})
}

func TestWithoutASpoolFullMemoryBlocks(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		c.answer = hang
		l := begin(t, testConfig(t, c), nil)
		require.NoError(t, l.write(t.Context(), upTo(1, 40)...))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begun := time.Now()
		l.add(41)
		b := l.Take()
		written := make(chan error, 1)
		var wg sync.WaitGroup
		wg.Go(func() { written <- l.Write(ctx, b) })
		sleep(time.Minute)
		require.Equal(t, Full, l.Status().State)
		require.ErrorIs(t, <-written, context.DeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(begun))
		synctest.Wait()
		require.EqualValues(t, 40, l.Status().Undelivered, "what was taken back is forgotten")
	})
}

func TestFullMemorySpillsAfterASecond(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = hang
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), upTo(1, 40)...))
		begun := time.Now()
		require.NoError(t, l.write(t.Context(), upTo(41, 45)...))
		require.Equal(t, time.Second, time.Since(begun))
		require.Equal(t, upTo(41, 45), s.ids(), "durable when Write returns")
		require.NoError(t, l.write(t.Context(), upTo(46, 50)...))
		require.Equal(t, time.Second, time.Since(begun), "no more patience")
		synctest.Wait()
		require.Equal(t, Status{State: Spooling, Undelivered: 50, InMemory: 40, Oldest: begun, Spooled: 10, SpoolBytes: s.Bytes()}, l.Status())
		safe, _, _ := l.now()
		require.Zero(t, safe, "those before are not safe")
	})
}

func TestASlowSinkDoesNotSlowTheStream(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = after(200*time.Millisecond, Accepted) // 100 Tweets a second
		l := begin(t, testConfig(t, c), s)
		begun := time.Now()
		for i := range snowflake.ID(100) { // 1000 a second
			require.NoError(t, l.write(t.Context(), upTo(1+10*i, 10+10*i)...))
			sleep(10 * time.Millisecond)
		}
		require.LessOrEqual(t, time.Since(begun), 2*time.Second)
		fresh := slices.ContainsFunc(c.posts, func(ids []snowflake.ID) bool { return ids[0] > 500 })
		require.True(t, fresh, "new Tweets go out while older ones wait in the spool")
		sleep(12 * time.Second)
		require.Equal(t, Idle, l.Status().State)
		safe, delivered, _ := l.now()
		require.EqualValues(t, 1000, safe)
		require.Equal(t, 1000, delivered)
		require.Empty(t, s.ids())
	})
}

func TestFullSpoolBlocksAndSaysSo(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = hang
		s.maxEntries = 1
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), upTo(1, 50)...))
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		l.add(51)
		b := l.Take()
		time.AfterFunc(time.Second, func() { require.Equal(t, Full, l.Status().State) })
		require.ErrorIs(t, l.Write(ctx, b), context.DeadlineExceeded)
		require.Equal(t, slices.Repeat([]string{"E spool does not take Tweets: append: spool is full"}, 3), l.logged())
		s.set(func() { s.maxEntries = 0 })
		require.NoError(t, l.write(t.Context(), 51))
		synctest.Wait()
		require.Equal(t, "I spool takes Tweets again", l.logged()[3])
	})
}

func TestUnwritableSpoolIsTriedEverySecond(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = hang
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), upTo(1, 40)...))
		s.set(func() { s.fail = func() error { return errDisk } })
		begun := time.Now()
		time.AfterFunc(3500*time.Millisecond, func() { s.set(func() { s.fail = nil }) })
		require.NoError(t, l.write(t.Context(), upTo(41, 50)...))
		require.Equal(t, 4*time.Second, time.Since(begun))
		require.Equal(t, upTo(41, 50), s.ids())
	})
}

func TestABatchTakenBackOnItsWayToAFailingSpool(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = hang
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), upTo(1, 40)...))
		s.set(func() {
			s.slow = func() time.Duration { return time.Second }
			s.fail = func() error { return errDisk }
		})
		require.ErrorIs(t, l.write(in(t, 1500*time.Millisecond), 41), context.DeadlineExceeded)
		sleep(time.Second)
		s.set(func() { s.slow, s.fail = nil, nil })
		require.NoError(t, l.write(t.Context(), 42))
		require.Equal(t, []snowflake.ID{42}, s.ids())
	})
}

func TestRoomInMemoryEndsTheWaitForAFullSpool(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = after(5*time.Second, Accepted)
		s.fail = func() error { return errDisk }
		l := begin(t, testConfig(t, c), s)
		begun := time.Now()
		require.NoError(t, l.write(t.Context(), upTo(1, 50)...))
		require.Equal(t, 5*time.Second, time.Since(begun))
	})
}

func TestFreshAndSpooledTakeTurns(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = hang
		cfg := testConfig(t, c)
		cfg.Slots, cfg.Most, cfg.Memory = 1, 1, 4
		l := start(t, cfg, s)
		require.NoError(t, l.write(t.Context(), upTo(1, 8)...))
		require.NoError(t, l.Stop(cancelled(t)))
		l.end()
		require.Equal(t, upTo(1, 8), slices.Sorted(slices.Values(s.ids())))

		c.say(after(time.Second, Accepted))
		cfg.Past, c.posts = s.past(), nil
		l = begin(t, cfg, s)
		for id := range snowflake.ID(6) {
			require.NoError(t, l.write(t.Context(), 101+id))
			sleep(2 * time.Second)
		}
		got := slices.Concat(c.posts...)
		fresh := slices.DeleteFunc(slices.Clone(got), func(id snowflake.ID) bool { return id < 100 })
		old := slices.DeleteFunc(slices.Clone(got), func(id snowflake.ID) bool { return id > 100 })
		require.True(t, slices.IsSorted(fresh))
		require.Equal(t, []snowflake.ID{5, 1, 2, 3, 4, 6, 7, 8}[:len(old)], old, "the oldest first; 1 to 5 came at the same time")
		require.GreaterOrEqual(t, len(fresh), 5)
		require.GreaterOrEqual(t, len(old), 5)
	})
}

// TestTurns looks at the scheduler alone: there is always more of both.
func TestTurns(t *testing.T) {
	cfg := testConfig(t, nil)
	cfg.Slots, cfg.Most, cfg.Memory = 1, 1, 8
	for id := range int64(4) {
		cfg.Past = append(cfg.Past, spool.Entry{ID: 1 + id, Tweets: make([]spool.Tweet, 1)})
	}
	s := newScheduler(&cfg, true)
	now := time.Now()
	for range 4 {
		s.setOffer(now, &offer{b: &Batch{Tweets: make([]spool.Tweet, 1)}, reply: make(chan error, 1)})
		s.admit(now)
	}
	var order []bool
	for range 8 {
		s.readAhead()
		for j := s.job(now); j != nil; j = s.job(now) {
			j.forms = []*spool.Entry{{Tweets: make([]spool.Tweet, 1)}}
			s.jobDone(now, j)
		}
		s.begin(now)
		order = append(order, s.start[0].entry != 0)
		s.answered(now, s.start[0], Accepted, nil)
		s.start = s.start[:0]
	}
	require.Equal(t, []bool{false, true, false, true, false, true, false, true}, order)
}

func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	t.Helper()
	return ctx
}

func TestWrittenOutIsKeptUntilItSettles(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		cfg := fill(t, s, 1, 2, 3)
		cfg.Courier, cfg.Acknowledged = c, false
		l := begin(t, cfg, s)
		require.NoError(t, l.write(t.Context(), 4))
		sleep(9 * time.Second)
		safe, delivered, _ := l.now()
		require.EqualValues(t, 1, safe)
		require.Zero(t, delivered)
		require.Len(t, c.has, 4)
		require.Equal(t, upTo(1, 3), s.ids())
		require.EqualValues(t, 3, l.Status().Spooled)
		require.Zero(t, l.Status().Undelivered)
		sleep(2 * time.Second)
		require.Empty(t, s.ids())
		require.Equal(t, Status{State: Idle}, l.Status())
	})
}

func TestWhatHasNotSettledStaysAtAStop(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		cfg := fill(t, s, 1, 2, 3)
		cfg.Courier, cfg.Acknowledged = c, false
		l := start(t, cfg, s)
		sleep(time.Second)
		require.Len(t, c.has, 3)
		require.NoError(t, l.Stop(t.Context()))
		l.end()
		require.Equal(t, upTo(1, 3), s.ids())
	})
}

func TestARemovalThatFailsIsNotForgotten(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		cfg := fill(t, s, 1, 2, 3)
		cfg.Courier = c
		c.answer = after(time.Second, Accepted)
		l := begin(t, cfg, s)
		sleep(time.Millisecond) // it was read
		s.set(func() { s.fail = func() error { return errDisk } })
		sleep(90 * time.Second)
		require.Equal(t, upTo(1, 3), s.ids())
		require.Equal(t, slices.Repeat([]string{"E spool fails, and is tried again: disk says no"}, 2), l.logged())
		s.set(func() { s.fail = nil })
		sleep(time.Minute)
		require.Empty(t, s.ids())
		require.Equal(t, 1, c.count(), "sent once")
		_, delivered, _ := l.now()
		require.Equal(t, 3, delivered)
	})
}

func TestStatusBeforeTheStart(t *testing.T) {
	within(t, func(t *testing.T) {
		s, begun := newFakeSpool(t), time.Now()
		cfg := fill(t, s, 1, 2, 3)
		require.Equal(t, Status{State: Delivering, Undelivered: 3, Oldest: begun, Spooled: 3, SpoolBytes: s.Bytes()}, newDelivery(cfg, s).Status())
	})
}

func TestAnEntryThatCannotBeReadIsTriedAgain(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		cfg := fill(t, s, 1, 2, 3)
		cfg.Courier = c
		s.fail = func() error { return errDisk }
		l := begin(t, cfg, s)
		sleep(time.Minute)
		l.requireBooks(0)
		s.set(func() { s.fail = nil })
		sleep(time.Minute)
		require.Empty(t, s.ids())
		require.Len(t, c.has, 3)
	})
}

func TestPause(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		l := begin(t, testConfig(t, c), nil)
		l.Pause(true)
		require.NoError(t, l.write(t.Context(), 1))
		sleep(time.Hour)
		require.Zero(t, c.count())
		require.Equal(t, Paused, l.Status().State)
		l.Pause(false)
		synctest.Wait()
		require.Equal(t, 1, c.count())
	})
}

func TestDue(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		l := begin(t, testConfig(t, c), nil)
		synctest.Wait()
		require.False(t, l.Due(time.Hour), "nothing to take")
		l.add(1)
		require.False(t, l.Due(10*time.Millisecond))
		require.True(t, l.Due(20*time.Millisecond), "a slot is free")
		c.say(hang)
		require.NoError(t, l.Write(t.Context(), l.Take()))
		require.NoError(t, l.write(t.Context(), 2))
		synctest.Wait()
		l.add(3)
		require.False(t, l.Due(249*time.Millisecond))
		require.True(t, l.Due(250*time.Millisecond), "memory has room")
		l.add(upTo(4, 12)...)
		require.True(t, l.Due(0), "the batch is full")
		require.NoError(t, l.Write(t.Context(), l.Take()))
		require.NoError(t, l.write(t.Context(), upTo(13, 38)...))
		synctest.Wait()
		l.add(39)
		require.False(t, l.Due(999*time.Millisecond))
		require.True(t, l.Due(time.Second), "not for ever")
	})
}

func TestAttach(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		cfg := testConfig(t, c)
		cfg.Attach = func(b *Batch, w *tweet.Tweet) {
			all, _ := b.Attached.([]snowflake.ID)
			b.Attached = append(all, w.ID)
		}
		l := begin(t, cfg, nil)
		for range 3 {
			l.add(upTo(1, 12)...)
			require.Equal(t, upTo(1, 10), l.open.batches[0].Attached)
			require.Equal(t, upTo(11, 12), l.open.batches[1].Attached)
			require.NoError(t, l.Write(t.Context(), l.Take()))
			synctest.Wait()
			require.Len(t, l.free, 2, "buffers are used again")
		}
	})
}

func TestAddTweetAllocatesNothing(t *testing.T) {
	d := newDelivery(testConfig(t, newFakeCourier(t)), nil)
	w := &tweet.Tweet{ID: 1, Text: []byte("text")}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for range d.cfg.Most {
			d.AddTweet(w, 1)
		}
		d.recycle(d.open.batches[0])
		d.open.batches = d.open.batches[:0]
	}))
}

func TestWhatWasPutOffIsNotUsedAgain(t *testing.T) {
	within(t, func(t *testing.T) {
		c := newFakeCourier(t)
		c.answer = later
		l := begin(t, testConfig(t, c), nil)
		require.NoError(t, l.write(t.Context(), 1))
		synctest.Wait()
		c.say(nil)
		sleep(time.Second)
		require.True(t, c.accepted(1))
		require.Empty(t, l.free, "the courier may still read what it was given first")
	})
}

func TestGiantsAreNotKept(t *testing.T) {
	d := newDelivery(testConfig(t, newFakeCourier(t)), nil)
	d.AddTweet(&tweet.Tweet{ID: 1, Text: make([]byte, maxFreeBytes+1)}, 1)
	d.recycle(d.open.batches[0])
	require.Empty(t, d.free)
}
