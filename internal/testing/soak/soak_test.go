//go:build linux

package soak

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

var (
	runs = flag.Int("runs", 0, "how many runs; 0: none, they take minutes")
	seed = flag.Uint64("seed", 1, "seed of the first run")
)

// built are the binaries under test; TestMain sets them before the first test, nobody changes them.
var built struct{ stock, custom, plugin string }

// total is the sum over all runs.
var total struct {
	sync.Mutex
	runs, lost, doubled int
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(env.Suite(m, *runs == 0, build, func() string {
		return fmt.Sprintf("runs %d lost %d doubled %d", total.runs, total.lost, total.doubled)
	}))
}

func build(ctx context.Context, dir string) (err error) {
	if built.custom, err = env.Custom(ctx, os.Stderr); err != nil {
		return err
	}
	built.stock, built.plugin, err = env.Binaries(ctx, dir)
	return err
}

// TestDelivery: whatever happens, all that was offered is in the store in the end, once by identity. A run is a
// function of its seed, save for the moments at which the machine gets round to things.
func TestDelivery(t *testing.T) {
	if *runs == 0 {
		t.Skip("-runs 0: make soak-delivery runs it")
	}
	for s := *seed; s < *seed+uint64(*runs); s++ {
		t.Run(fmt.Sprintf("seed %d", s), func(t *testing.T) {
			t.Parallel()
			soak(t, s)
		})
	}
}

func soak(t *testing.T, seed uint64) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: make soak-delivery RUNS=1 SEED=%d", seed)
		}
	})
	r := begin(t, draw(seed))
	r.start()
	r.goOn()
	for _, d := range r.disasters() {
		r.Logf("%s", d.name)
		d.strike(r)
		r.goOn()
	}
	r.end()
	v := r.judge()
	total.Lock()
	defer total.Unlock()
	total.runs, total.lost, total.doubled = total.runs+1, total.lost+len(v.lost), total.doubled+len(v.doubled)
}

// TestDeliveryByStdoutIsLost shows that the judge sees a loss: without an acknowledgement, what a full buffer throws
// away is gone. It is what Telegraf's own counter says, to the Tweet.
func TestDeliveryByStdoutIsLost(t *testing.T) {
	if *runs == 0 {
		t.Skip("-runs 0: make soak-delivery runs it")
	}
	t.Parallel()
	r := begin(t, plan{seed: *seed, mode: stdout, store: httpStore, batch: 100, buffer: 150})
	r.start()
	r.goOn()
	r.store.turn(failing)
	r.pause(6 * pace)
	r.store.turn(sound)
	r.goOn()
	r.sim.StopOffering()
	lost := func() int64 { return int64(len(r.look().lost)) }
	r.within(patience, "Telegraf says what it dropped", func() bool { return lost() > 0 && lost() == r.dropped() })
	r.stop()
	v := r.look()
	r.Logf("lost %d", len(v.lost))
	require.NotEmpty(t, v.lost)
	require.Empty(t, v.doubled)
	require.Empty(t, v.wrong)
}

// TestDeliveryByStdoutIsMadeGood: where Telegraf's counters come back, what it threw away is a gap, and asked for again.
func TestDeliveryByStdoutIsMadeGood(t *testing.T) {
	if *runs == 0 {
		t.Skip("-runs 0: make soak-delivery runs it")
	}
	t.Parallel()
	r := begin(t, plan{seed: *seed, mode: closed, store: influxStore, batch: 100, buffer: 1000})
	r.start()
	r.goOn()
	for _, s := range []state{failing, refuse} {
		r.store.turn(s)
		r.pause(6 * pace)
		r.store.turn(sound)
		r.goOn()
	}
	r.end()
	r.Logf("%d had been thrown away", r.dropped())
	require.Positive(t, r.dropped())
	r.judge()
}
