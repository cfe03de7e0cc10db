package oracle

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
)

// noon is a time after the epoch of Tweet ids; a bubble's clock begins in 2000.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func play(t *testing.T, r Run) (o *Outcome) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		time.Sleep(time.Until(noon))
		o = r.Play()
	})
	return o
}

func newWorld(rate float64) *world.World {
	return world.New(world.Config{Seed: 11, Rate: rate})
}

func plan(t *testing.T, faults string) *decasim.FaultPlan {
	t.Helper()
	var all []decasim.Fault
	for f := range strings.FieldsSeq(faults) {
		fault, err := decasim.ParseFault(f)
		require.NoError(t, err)
		all = append(all, fault)
	}
	return decasim.NewFaultPlan(all...)
}

// sound wants nothing lost, doubled or wrong, and every planned fault to have happened.
func (o *Outcome) sound(t *testing.T) {
	t.Helper()
	require.NoError(t, o.Err)
	ok := len(o.Lost) == 0 && len(o.Doubled) == 0 && len(o.Wrong) == 0 && len(o.Unfired) == 0
	require.True(t, ok, "%v; unfired %v\n%s", o, o.Unfired, strings.Join(o.Notes, "\n"))
	require.NotZero(t, o.Offered)
}

// TestFaults plays each fault alone, in fake time.
func TestFaults(t *testing.T) {
	for name, faults := range map[string]string{
		"none":           "",
		"cut-record":     "cut-record@20s,connection=0,times=4,every=8s",
		"cut-gzip":       "cut-gzip@20s,connection=1,times=3,every=12s",
		"cut-utf8":       "cut-utf8@20s,times=2,every=20s",
		"cut-crlf":       "cut-crlf@20s,times=2,every=20s",
		"reset":          "reset@20s,connection=every",
		"close":          "close@20s,connection=every close@60s,connection=0",
		"close-message":  "close-message@20s,connection=every",
		"slow-cut":       "slow-cut@20s,connection=0",
		"accept-close":   "close@20s,connection=every accept-close@20s,for=5s",
		"stall":          "stall@20s,connection=0,for=50s",
		"silence":        "silence@20s,connection=0,for=30s",
		"silence of all": "silence@20s,connection=every,for=25s",
		"trickle":        "trickle@20s,connection=1,for=30s",
		"loss":           "loss@10s,connection=0,share=0.3",
		"damage":         "damage@10s,connection=0,share=0.3",
		"duplicate":      "duplicate@10s,connection=0,share=0.5",
		"disorder":       "disorder@10s,connection=0,spread=4s",
		"401":            "close@20s,connection=every,partition=1 status@20s,code=401,for=10s,partition=1",
		"429":            "close@20s,connection=every status@20s,code=429,for=70s",
		"503":            "close@20s,connection=every status@20s,code=503,for=60s",
		"outage":         "outage@20s,for=100s",
		"long outage":    "outage@20s,for=230s",
		"burst":          "burst@20s,factor=10,for=10s",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "reset" && name != "stall" && name != "damage" {
				t.Skip("-short: three of the faults")
			}
			if testing.Short() && name == "damage" {
				faults += ",for=20s" // each variant some times; giants are slow under the race detector
			}
			o := play(t, Run{Server: decasim.ServerConfig{Source: newWorld(30), Faults: plan(t, faults), Seed: 5}, Offer: offer(name)})
			o.sound(t)
		})
	}
}

func offer(name string) time.Duration {
	switch name {
	case "long outage", "401", "503", "429":
		return 5 * time.Minute
	}
	return 3 * time.Minute
}
