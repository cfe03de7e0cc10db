package delivery

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
)

func in(t testing.TB, wait time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	t.Cleanup(cancel)
	return ctx
}

func TestStopPutsTheRestIntoTheSpoolInOrder(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = hang
		l := begin(t, testConfig(t, c), s)
		for id := range snowflake.ID(8) {
			require.NoError(t, l.write(t.Context(), 1+id))
		}
		synctest.Wait()
		begun := time.Now()
		require.NoError(t, l.Stop(in(t, 2*time.Second)))
		require.Equal(t, 2*time.Second, time.Since(begun), "what is under way may take that long")
		require.Equal(t, upTo(1, 8), s.ids())
		safe, _, _ := l.now()
		require.EqualValues(t, 8, safe)
		require.Equal(t, 2, c.count(), "nothing new was begun")
		require.NoError(t, l.Stop(cancelled(t)), "twice is fine")
		require.ErrorIs(t, l.write(t.Context(), 9), errStopped)
	})
}

func TestAcceptedAfterStopLeavesTheSpool(t *testing.T) {
	for _, acknowledged := range []bool{true, false} {
		within(t, func(t *testing.T) {
			c, s := newFakeCourier(t), newFakeSpool(t)
			c.answer = after(time.Second, Accepted)
			cfg := testConfig(t, c)
			cfg.Acknowledged = acknowledged
			l := begin(t, cfg, s)
			require.NoError(t, l.write(t.Context(), upTo(1, 30)...))
			sleep(time.Millisecond)
			begun := time.Now()
			require.NoError(t, l.Stop(in(t, 2*time.Second)))
			require.Less(t, time.Since(begun), time.Second, "no longer than needed")
			require.Equal(t, upTo(21, 30), s.ids())
			safe, delivered, _ := l.now()
			require.EqualValues(t, 30, safe)
			if acknowledged {
				require.Equal(t, 20, delivered)
			}
		})
	}
}

func TestAcceptedWhileStopStores(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = after(time.Second, Accepted)
		s.slow = func() time.Duration { return 3 * time.Second }
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), upTo(1, 20)...))
		synctest.Wait()
		require.NoError(t, l.Stop(in(t, 10*time.Second)))
		require.Empty(t, s.ids())
		require.Len(t, s.appended, 1, "the second was accepted before its turn")
		safe, delivered, _ := l.now()
		require.EqualValues(t, 20, safe)
		require.Equal(t, 20, delivered)
	})
}

func TestLateDelivery(t *testing.T) {
	within(t, func(t *testing.T) {
		s := newFakeSpool(t)
		c := &lateCourier{fakeCourier: newFakeCourier(t)}
		c.answer = hang
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), upTo(1, 20)...))
		synctest.Wait()
		require.NoError(t, l.Stop(cancelled(t)))
		require.Equal(t, upTo(1, 20), s.ids())
		first := c.batches[0]
		sent, err := l.Late(first)
		require.NoError(t, err)
		require.Len(t, sent, 10)
		require.Equal(t, ledger.Sent{ID: first.Tweets[0].ID, Partition: 1}, sent[0])
		require.Equal(t, idsOf(c.batches[1].Tweets), s.ids())
		sent, err = l.Late(first)
		require.NoError(t, err)
		require.Empty(t, sent, "once")
		s.fail = func() error { return errDisk }
		sent, err = l.Late(c.batches[1])
		require.ErrorIs(t, err, errDisk)
		require.Len(t, sent, 10)
	})
}

// lateCourier remembers its batches.
type lateCourier struct {
	*fakeCourier
	batches []*Batch
}

func (c *lateCourier) Deliver(ctx context.Context, b *Batch) (Verdict, error) {
	c.Lock()
	c.batches = append(c.batches, b)
	c.Unlock()
	return c.fakeCourier.Deliver(ctx, b)
}

func TestStopSaysWhatItCouldNotKeep(t *testing.T) {
	for name, c := range map[string]struct {
		keeps bool
		says  string
	}{
		"without a spool":   {false, "stop delivery: 30 Tweets were neither delivered nor put into the spool"},
		"disk out of order": {true, "stop delivery: 20 Tweets were neither delivered nor put into the spool"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T) {
				courier, s := newFakeCourier(t), newFakeSpool(t)
				courier.answer = hang
				uses := 0
				s.fail = func() error {
					if uses++; uses == 1 {
						return nil
					}
					return errDisk
				}
				var on spooler
				if c.keeps {
					on = s
				}
				l := begin(t, testConfig(t, courier), on)
				require.NoError(t, l.write(t.Context(), upTo(1, 30)...))
				require.EqualError(t, l.Stop(in(t, time.Second)), c.says)
			})
		})
	}
}

func TestStopWithAWriteThatWaits(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		within(t, func(t *testing.T) {
			c, s := newFakeCourier(t), newFakeSpool(t)
			c.answer = hang
			var on spooler
			if keeps {
				on = s
			}
			l := begin(t, testConfig(t, c), on)
			require.NoError(t, l.write(t.Context(), upTo(1, 40)...))
			l.add(41)
			b := l.Take()
			written := make(chan error, 1)
			var wg sync.WaitGroup
			wg.Go(func() { written <- l.Write(context.Background(), b) })
			sleep(time.Millisecond)
			err := l.Stop(cancelled(t))
			if keeps {
				require.NoError(t, err)
				require.NoError(t, <-written)
				require.Equal(t, upTo(1, 41), s.ids())
				return
			}
			require.Error(t, err)
			require.ErrorIs(t, <-written, errStopped)
		})
	}
}

func TestStopKeepsWhatWasNotYetInQuarantine(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		c.answer = bad(1, 2)
		uses := 0
		s.slow = func() time.Duration { return time.Second }
		s.fail = func() error { // the first is under way to the quarantine, the second waits for it
			if uses++; uses == 1 {
				return errDisk
			}
			return nil
		}
		l := begin(t, testConfig(t, c), s)
		require.NoError(t, l.write(t.Context(), 1))
		require.NoError(t, l.write(t.Context(), 2))
		synctest.Wait()
		require.NoError(t, l.Stop(in(t, 10*time.Second)))
		require.ElementsMatch(t, upTo(1, 2), s.ids())
		require.Empty(t, s.refused)
	})
}

func TestStopDoesNotWaitForRemovalsThatFail(t *testing.T) {
	within(t, func(t *testing.T) {
		c, s := newFakeCourier(t), newFakeSpool(t)
		cfg := fill(t, s, 1, 2, 3)
		cfg.Courier = c
		n := time.Duration(0)
		c.answer = func(ctx context.Context, ids []snowflake.ID) (Verdict, error) {
			c.Lock()
			n++
			wait := n * time.Second
			c.Unlock()
			return after(wait, Accepted)(ctx, ids)
		}
		l := begin(t, cfg, s)
		require.NoError(t, l.write(t.Context(), 4))
		synctest.Wait()
		stopped := make(chan error, 1)
		var wg sync.WaitGroup
		begun := time.Now()
		wg.Go(func() { stopped <- l.Stop(in(t, time.Minute)) })
		synctest.Wait() // 4 is stored
		s.set(func() { s.fail = func() error { return errDisk } })
		require.NoError(t, <-stopped)
		require.Equal(t, 2*time.Second, time.Since(begun))
		require.Equal(t, upTo(1, 4), s.ids())
	})
}

func TestStopEndsWhateverHangs(t *testing.T) {
	for name, hangs := range map[string]func(*fakeCourier, *fakeSpool, *life){
		"courier":  func(c *fakeCourier, _ *fakeSpool, _ *life) { c.answer = stubborn },
		"disk":     func(_ *fakeCourier, s *fakeSpool, _ *life) { s.slow = func() time.Duration { return time.Hour } },
		"receiver": func(_ *fakeCourier, _ *fakeSpool, l *life) { close(l.quit) },
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T) {
				c, s := newFakeCourier(t), newFakeSpool(t)
				c.answer = hang
				l := begin(t, testConfig(t, c), s)
				hangs(c, s, l)
				require.NoError(t, l.write(t.Context(), upTo(1, 30)...))
				synctest.Wait()
				begun := time.Now()
				err := l.Stop(in(t, time.Second))
				require.Equal(t, time.Second+grace, time.Since(begun))
				require.Equal(t, name == "disk", err != nil)
				sleep(2 * time.Hour) // for those that hang
			})
		})
	}
}

func stubborn(context.Context, []snowflake.ID) (Verdict, error) {
	time.Sleep(time.Hour)
	return Accepted, nil
}

func TestStopOfWhatNeverRan(t *testing.T) {
	within(t, func(t *testing.T) {
		d := newDelivery(testConfig(t, newFakeCourier(t)), nil)
		require.ErrorIs(t, d.Stop(in(t, time.Second)), errNotRunning)
	})
}
