package oracle

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/core"
	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/state/ledger"
	"github.com/decahose/telegraf-decahose/internal/state/store"
	"github.com/decahose/telegraf-decahose/internal/timeline"
	"github.com/decahose/telegraf-decahose/internal/volume"
)

// trouble is when that of TestVolumes begins, and how long it lasts.
const (
	troubleAt  = 60 * time.Minute
	troubleFor = 40 * time.Minute
)

// TestVolumes lets hours go by in which something is lost, or not: the alarm that comes is that of the right layer, comes once
// and goes, and the books balance, over restarts too.
func TestVolumes(t *testing.T) {
	for name, tc := range map[string]struct {
		faults string // of troubleFor from troubleAt on
		alarms []string
		check  func(*Outcome, *testing.T)
	}{
		"quiet": {check: (*Outcome).learned},
		"all lose, each for itself": {"loss@%v,connection=every,share=0.05,for=%v",
			[]string{"network 1", "network 2"}, (*Outcome).estimated},
		"one connection loses": {"loss@%v,partition=1,connection=0,share=0.3,for=%v", []string{"network 1"}, nil},
		"one side loses":       {"loss@%v,partition=1,connection=every,share=0.5,same=true,for=%v", []string{"partition 1"}, nil},
		"X has less":           {"dip@%v,share=0.6,for=%v", []string{"x all"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			long(t)
			faults := ""
			if tc.faults != "" {
				faults = fmt.Sprintf(tc.faults, troubleAt, troubleFor)
			}
			o := play(t, volumeRun(t, faults))
			require.NoError(t, o.Err)
			require.Empty(t, o.Unfired)
			o.balanced(t)
			require.Equal(t, tc.alarms, o.alarms(t), strings.Join(o.Notes, "\n"))
			if tc.check != nil {
				tc.check(o, t)
			}
		})
	}
}

// rate of volumeRun, in Tweets per second, and its days and weeks.
const rate = 20

var season = world.Season{Daily: 0.3, Weekly: 0.1}

// volumeRun is a life that ends in order, one that is killed, and one that has the trouble.
func volumeRun(t *testing.T, faults string) Run {
	w := world.New(world.Config{Seed: 11, Rate: rate, Sparse: true, Short: true, Season: season})
	return Run{Server: decasim.ServerConfig{Source: w, Faults: plan(t, faults), Seed: 5, Level: decasim.Stored, Tick: time.Second},
		Core: func(c *core.Config) { c.FalseAlarms, c.FactsEvery = volume.FalseAlarms, 30*time.Second },
		Dir:  remembering(t), Offer: troubleAt + troubleFor + 20*time.Minute,
		Lives: []Life{{For: 10 * time.Minute, Down: 5 * time.Second}, {For: 10 * time.Minute, Kill: true, Down: 5 * time.Second}}}
}

// remembering is the state of a process that has listened for four weeks, but for its ids and minutes.
func remembering(t *testing.T) (dir string) {
	dir = t.TempDir()
	s, _, err := store.Open(dir, store.Options{Horizon: 120 * time.Hour})
	require.NoError(t, err)
	h, chance := ledger.NewHistory(), rand.New(rand.NewPCG(11, 1))
	end := timeline.MinuteOf(noon.UnixMilli())
	for m := end - 4*7*24*60; m < end; m++ {
		for p := 1; p <= 2; p++ {
			mean := rate / 2 * 60 * season.At(m.Milli()+30_000)
			h.Set(p, m, int64(mean+math.Sqrt(mean)*chance.NormFloat64()))
		}
	}
	require.NoError(t, s.Commit(&ledger.Commit{Seq: 1, Hours: h.Take(), Clean: true, Moment: ledger.Moment{Wall: noon.UnixNano()}}))
	require.NoError(t, s.Close())
	return dir
}

// lastVolumes are the last words on each minute, by partition and time.
func (o *Outcome) lastVolumes() map[string]map[int64]line {
	last := map[string]map[int64]line{}
	for p := range points(o.Lines) {
		if p.name != "decahose_volume" {
			continue
		}
		of := last[p.tags["partition"]]
		if of == nil {
			of = map[int64]line{}
			last[p.tags["partition"]] = of
		}
		of[p.time] = p
	}
	return last
}

// balanced checks the last word on each minute.
func (o *Outcome) balanced(t *testing.T) {
	t.Helper()
	last := o.lastVolumes()
	require.NotEmpty(t, last["all"])
	copies := map[string]int64{}
	for partition, minutes := range last {
		for at, p := range minutes {
			n := func(key string) int64 { return p.fields[key].(int64) }
			require.Equal(t, n("received"), n("unique")+n("duplicate"), "partition %s, %s", partition, timeline.MinuteOf(at/1e6))
			require.Equal(t, n("duplicate"), n("duplicate_redundant")+n("duplicate_backfill")+n("duplicate_replay"))
			require.LessOrEqual(t, n("emitted"), n("unique"))
			for _, why := range []string{"redundant", "backfill", "replay"} {
				copies[why] += n("duplicate_" + why)
			}
			if partition == "all" {
				for _, key := range []string{"received", "unique", "duplicate_redundant", "duplicate_backfill"} {
					require.Equal(t, n(key), last["1"][at].fields[key].(int64)+last["2"][at].fields[key].(int64), key)
				}
			}
		}
	}
	require.Positive(t, copies["redundant"])
	require.Positive(t, copies["backfill"], "after the restarts")
	require.Zero(t, copies["replay"])
}

// alarms are those that were raised, each with its kind and partition; each came once, and is over.
func (o *Outcome) alarms(t *testing.T) []string {
	changes := map[string][]bool{}
	for p := range points(o.Lines) {
		if p.name == "decahose_alarm" {
			name := p.tags["kind"] + " " + p.tags["partition"]
			active := p.fields["active"].(bool)
			if was := changes[name]; len(was) == 0 || was[len(was)-1] != active {
				changes[name] = append(was, active)
			}
			require.NotEmpty(t, p.fields["message"])
			require.Positive(t, p.fields["since"])
		}
	}
	for name, c := range changes {
		require.Equal(t, []bool{true, false}, c, "alarm %s: begins and ends once\n%s", name, strings.Join(o.Notes, "\n"))
	}
	lines := 0
	for _, n := range o.Notes {
		if strings.Contains(n, "! alarm ") {
			lines++
		}
	}
	require.GreaterOrEqual(t, lines, 2*len(changes))
	return slices.Sorted(maps.Keys(changes))
}

// learned wants nearly every minute to be as full as the weeks before let expect.
func (o *Outcome) learned(t *testing.T) {
	levels := map[string]int{}
	for _, p := range o.lastVolumes()["all"] {
		if level, ok := p.fields["level"].(string); ok {
			levels[level]++
		}
		if expected, ok := p.fields["expected"].(int64); ok && p.fields["state"] == "whole" {
			require.InEpsilon(t, expected, p.fields["unique"].(int64), 0.25)
		}
	}
	require.Greater(t, levels["normal"], 100, levels)
	require.Zero(t, levels["learning"]+levels["low"]+levels["high"], levels)
}

// estimated compares missed_estimate with what was lost, minute by minute and in all.
func (o *Outcome) estimated(t *testing.T) {
	lost := map[int64]int{}
	for _, id := range o.Lost {
		lost[timeline.MinuteOf(id.Milli()).Nano()]++
	}
	sum, variance, truth, within, minutes := 0.0, 0.0, 0, 0, 0
	begin := noon.Add(troubleAt + 2*time.Minute).UnixNano()
	end := noon.Add(troubleAt + troubleFor - 2*time.Minute).UnixNano()
	for at, p := range o.lastVolumes()["all"] {
		estimate, known := p.fields["missed_estimate"].(int64)
		if at < begin || at >= end {
			continue
		}
		require.True(t, known, "a minute with two connections has an estimate")
		e := p.fields["missed_error"].(float64)
		sum, variance, truth = sum+float64(estimate), variance+e*e, truth+lost[at]
		minutes++
		if math.Abs(float64(estimate-int64(lost[at]))) <= 2*max(1, e)+1 {
			within++
		}
	}
	require.Greater(t, truth, 100)
	require.InDelta(t, truth, sum, 4*math.Sqrt(variance)+0.1*float64(truth))
	require.Greater(t, float64(within)/float64(minutes), 0.8)
	t.Logf("missed %d, estimated %.0f ± %.0f in %d minutes", truth, sum, math.Sqrt(variance), minutes)
}
