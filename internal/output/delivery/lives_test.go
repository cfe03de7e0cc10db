package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/output/spool"
	"github.com/decahose/telegraf-decahose/internal/record/snowflake"
)

// world is what outlives a process: the outputs, the disk, and what has to be fetched again.
type world struct {
	t       *testing.T
	r       *rand.Rand
	rmu     sync.Mutex
	courier *fakeCourier
	spool   *fakeSpool
	keeps   bool
	written bool // not Acknowledged

	missing []snowflake.ID // not safe: to be given, again
	given   []snowflake.ID // in this life, in order
	last    snowflake.ID

	dead, weak bool    // the process was killed; the disk fails at times
	moody      float64 // how often the outputs answer Later
}

func (w *world) chance(p float64) bool {
	w.rmu.Lock()
	defer w.rmu.Unlock()
	return w.r.Float64() < p
}

func (w *world) n(most int) int {
	w.rmu.Lock()
	defer w.rmu.Unlock()
	return w.r.IntN(most)
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), courier: newFakeCourier(t), spool: newFakeSpool(t)}
	w.keeps, w.written = w.chance(0.8), w.chance(0.3)
	w.courier.answer = w.answer
	w.spool.settled = w.courier.accepted
	w.spool.fail = func() error {
		switch {
		case w.dead:
			return errDead
		case w.weak && w.chance(0.3):
			return errDisk
		}
		return nil
	}
	w.spool.slow = func() time.Duration { return time.Duration(w.n(20)) * time.Millisecond }
	return w
}

// poison is a Tweet that is refused, sticky one that is always put off.
func poison(id snowflake.ID) bool { return id%97 == 13 }
func sticky(id snowflake.ID) bool { return id%1009 == 500 }

func (w *world) mood() float64 {
	w.courier.Lock()
	defer w.courier.Unlock()
	return w.moody
}

// answer is the outputs': they may have accepted what they put off.
func (w *world) answer(ctx context.Context, ids []snowflake.ID) (Verdict, error) {
	v, err := after(time.Duration(w.n(400))*time.Millisecond, Accepted)(ctx, ids)
	switch {
	case v != Accepted:
		return v, err
	case slices.ContainsFunc(ids, poison):
		return Refused, errors.New("bad line")
	case w.keeps && slices.ContainsFunc(ids, sticky): // without a spool they may fill memory, and nothing is accepted
		return Later, errors.New("sticky")
	case w.chance(w.mood()):
		return Later, errors.New("moody")
	}
	return Accepted, nil
}

// mostEver is how many Tweets a batch of any life may have: entries of an earlier one may be too large for the next.
const maxBatchEver = 20

func (w *world) config() Config {
	cfg := testConfig(w.t, w.courier)
	cfg.Slots, cfg.Most, cfg.Acknowledged = 1+w.n(4), 1+w.n(maxBatchEver), !w.written
	cfg.Memory = cfg.Most * (1 + w.n(6))
	cfg.Bytes = 200 * (1 + w.n(cfg.Memory)) // some Tweets, or all that Memory lets in
	cfg.Past = w.spool.past()
	return cfg
}

// known reports whether the spool has this Tweet, so that nobody gives it.
func (w *world) known(id snowflake.ID) bool {
	w.spool.Lock()
	defer w.spool.Unlock()
	if _, refused := w.spool.refused[id]; refused {
		return true
	}
	for _, e := range w.spool.entries {
		if slices.ContainsFunc(e.Tweets, func(s spool.Tweet) bool { return s.ID == id }) {
			return true
		}
	}
	return false
}

// sound reports whether nobody needs to fetch this Tweet again.
func (w *world) sound(id snowflake.ID) bool {
	return w.courier.accepted(id) || w.known(id) || !w.keeps && (poison(id) || sticky(id))
}

// live lets one process work, and ends it well or badly.
func (w *world) live(final bool) {
	var on spooler
	if w.keeps {
		on = w.spool
	}
	w.given, w.dead, w.weak, w.moody = nil, false, false, 0
	w.missing = slices.DeleteFunc(w.missing, w.known)
	l := start(w.t, w.config(), on)
	told := 0
	l.hear = func(o Outcome) {
		for range o.Safe {
			require.True(w.t, w.sound(w.given[told]), "Tweet %d is not safe", w.given[told])
			told++
		}
		for _, s := range o.Delivered {
			require.Equal(w.t, 1, l.delivered[s.ID], "Tweet %d", s.ID)
		}
	}
	w.feed(l, final)
	w.end(l, final)
	synctest.Wait()
	w.missing = append(w.given[told:], w.missing...)
}

// feed gives Tweets, while the world changes its mood.
func (w *world) feed(l *life, final bool) {
	for range 20 + w.n(60) {
		if !final {
			w.spool.set(func() { w.weak = w.chance(0.3) })
			w.courier.Lock()
			w.moody = []float64{0, 0, 0.3, 1}[w.n(4)]
			w.courier.Unlock()
			l.Pause(w.chance(0.1))
		}
		for range w.n(30) {
			if len(w.missing) == 0 || w.chance(0.7) {
				w.last++
				w.missing = append(w.missing, w.last)
			}
			id := w.missing[0]
			w.missing = w.missing[1:]
			l.Lock()
			w.given = append(w.given, id)
			l.Unlock()
			l.add(id)
		}
		w.write(l)
		sleep(time.Duration(w.n(2000)) * time.Millisecond)
		l.requireBooks(maxAhead * (maxBatchEver - l.cfg.Most))
	}
}

// write waits as long as it takes: after a minute the world is good again.
func (w *world) write(l *life) {
	relief := time.AfterFunc(time.Minute, func() { w.relent(l) })
	defer relief.Stop()
	require.NoError(w.t, l.Write(in(w.t, 10*time.Minute), l.Take()))
}

func (w *world) relent(l *life) {
	l.Pause(false)
	w.spool.set(func() { w.weak = false })
	w.courier.Lock()
	defer w.courier.Unlock()
	w.moody = 0
}

func (w *world) end(l *life, final bool) {
	switch {
	case final:
		w.relent(l)
		for range 10_000 {
			if l.Status().Undelivered == 0 {
				break
			}
			sleep(time.Second)
			_ = l.write(context.Background(), w.more(l)) // others are accepted
		}
		sleep(time.Minute)
		require.NoError(w.t, l.Stop(in(w.t, time.Minute)))
		l.end()
	case w.chance(0.5):
		w.spool.set(func() { w.dead = true })
		w.courier.say(hang)
		l.end()
		w.courier.say(w.answer)
	default:
		err := l.Stop(in(w.t, time.Duration(w.n(500))*time.Millisecond))
		if w.keeps && !w.weak {
			require.NoError(w.t, err)
		}
		l.end()
	}
	sleep(time.Minute) // what was under way ends
}

func (w *world) more(l *life) snowflake.ID {
	w.last++
	for poison(w.last) || sticky(w.last) {
		w.last++
	}
	l.Lock()
	defer l.Unlock()
	w.given = append(w.given, w.last)
	return w.last
}

func TestLives(t *testing.T) {
	for seed := range uint64(40) {
		within(t, func(t *testing.T) {
			w := newWorld(t, seed)
			for range 1 + w.n(4) {
				w.live(false)
			}
			w.live(true)
			require.Empty(t, w.spool.past(), "seed %d", seed)
			gone := slices.Clone(w.missing)
			for id := range w.last {
				known := w.courier.accepted(id+1) || poison(id+1) || sticky(id+1) || slices.Contains(gone, id+1)
				require.True(t, known, "seed %d: Tweet %d is lost", seed, id+1)
			}
		})
	}
}
