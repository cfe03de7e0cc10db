//go:build unix

package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// A Telegraf with the plugin compiled in is reloaded and stopped in mid-stream: all of it lands, once.
func TestCompiledIn(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 44, AllowedConnections: 8})
	a := s.runCustom("a", deliveryConf+fileOutput, s.stream(`max_undelivered = 2000`))
	s.pass(2 * pace)
	require.NoError(t, a.Signal(syscall.SIGHUP))
	ok := env.Until(s.within(15*time.Second), func() bool { return a.Log.Count("Loaded inputs") == 2 })
	require.True(t, ok, "Telegraf was not reloaded")
	s.pass(len(s.sim.OfferedIDs()) + 3*pace)
	a.stop()
	s.pass(len(s.sim.OfferedIDs()) + pace)
	a = s.runCustom("a", deliveryConf+fileOutput, s.stream(`max_undelivered = 2000`)) // goes on in the same files
	s.pass(len(s.sim.OfferedIDs()) + 3*pace)
	s.settle(a)
	a.drained()
	a.stop()
	s.requireExact(s.sim.OfferedIDs(), a.landed())
	require.Zero(t, a.Log.Count("E! [inputs.decahose]"))
}

// The store fails, then refuses: Telegraf drops what it had, and the plugin gives it again.
func TestCompiledInOutlastsTheStore(t *testing.T) {
	s := newStage(t, decasim.ServerConfig{Seed: 45, AllowedConnections: 8})
	k := s.newSink("a.tweets")
	a := s.runCustom("a", deliveryConf+k.output(), s.stream(`max_undelivered = 2000`))
	s.pass(2 * pace)
	for _, answer := range []int{http.StatusServiceUnavailable, http.StatusBadRequest} {
		k.answer.Store(int64(answer))
		from := k.asked.Load()
		s.pass(len(s.sim.OfferedIDs()) + 3*pace)
		require.True(t, env.Until(s.within(10*time.Second), func() bool { return k.asked.Load() > from }), "nobody asked")
		k.answer.Store(http.StatusNoContent)
		s.pass(len(s.sim.OfferedIDs()) + pace)
	}
	s.settle(a)
	a.drained()
	a.stop()
	s.requireNoneLost(a.landed())
}
