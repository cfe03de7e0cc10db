//go:build unix

package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/sim/decasim"
	"github.com/decahose/telegraf-decahose/internal/sim/world"
	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// plan is many bad days in a dozen seconds: partition 1 has one connection that loses, spoils, doubles
// and shuffles while the other is sound; in partition 2 everything ends in every way, with backfill.
func plan() *decasim.FaultPlan {
	bad := func(f decasim.Fault) decasim.Fault { f.Partition, f.Connection = 1, 0; return f }
	all := func(k decasim.Kind, at time.Duration) decasim.Fault {
		return decasim.Fault{Kind: k, Partition: 2, Connection: decasim.EveryConnection, At: at}
	}
	return decasim.NewFaultPlan(
		bad(decasim.Fault{Kind: decasim.Loss, At: time.Second, For: 3 * time.Second, Share: 0.3}),
		bad(decasim.Fault{Kind: decasim.Damage, At: 3 * time.Second, For: 4 * time.Second, Share: 0.3}),
		bad(decasim.Fault{Kind: decasim.Duplicate, At: 5 * time.Second, For: 3 * time.Second, Share: 0.3}),
		bad(decasim.Fault{Kind: decasim.Disorder, At: 6 * time.Second, For: 2 * time.Second, Spread: time.Second}),
		decasim.Fault{Kind: decasim.CutRecord, Partition: 2, Connection: 0, At: 2 * time.Second},
		all(decasim.CutGzip, 3*time.Second),
		all(decasim.CutUTF8, 5*time.Second),
		all(decasim.CutCRLF, 6*time.Second),
		decasim.Fault{Kind: decasim.Status, Partition: 2, Connection: decasim.AnyConnection, At: 6500 * time.Millisecond, Code: 503},
		all(decasim.Reset, 7*time.Second),
		decasim.Fault{Kind: decasim.CloseMessage, Partition: 2, Connection: 1, At: 8 * time.Second},
		decasim.Fault{Kind: decasim.Burst, At: 8 * time.Second, For: time.Second, Factor: 5},
	)
}

// Every fault of the plan happens, and each Tweet lands once all the same.
func TestFaultsLoseAndDoubleNothing(t *testing.T) {
	faults := plan()
	s := newStage(t, decasim.ServerConfig{Seed: 9, Faults: faults, Source: world.New(world.Config{Seed: 9, Rate: pace})})
	a := s.run("a", s.stream())
	ok := env.Until(s.within(30*time.Second), func() bool { return len(faults.Unfired()) == 0 })
	require.True(t, ok, "not fired: %v", faults.Unfired())
	s.pass(len(s.sim.OfferedIDs()) + 8*pace) // a 503 holds a connection back for seconds
	s.settle(a)
	a.stop()
	landed := a.landed()
	s.requireExact(s.sim.OfferedIDs(), landed)
	for _, m := range landed {
		s.requireTrue(m)
	}
	// Which of the two was the simulator's connection 0 is a matter of who came first.
	one := a.last("decahose_connection", "partition", "1", "connection", "0")
	two := a.last("decahose_connection", "partition", "1", "connection", "1")
	require.Positive(t, one.Int("malformed")+two.Int("malformed"))
	require.Positive(t, one.Int("notices")+two.Int("notices"))
	s.requireBooks(a)
}

// `make run` by itself: its last line is the oracle's verdict, and it ends well.
func TestMakeRun(t *testing.T) {
	t.Parallel()
	root, err := env.Root()
	require.NoError(t, err)
	dir := t.TempDir()
	binary, err := env.Build(t.Context(), "tools/run", dir)
	require.NoError(t, err)
	cmd := exec.Command(binary, "-duration", "12s", "-plugin", built.plugin, "-dir", filepath.Join(dir, "out"))
	cmd.Dir = root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	m := regexp.MustCompile(`^offered (\d+) emitted (\d+) lost 0 doubled 0$`).FindStringSubmatch(lines[len(lines)-1])
	require.NotNil(t, m, "%s", out)
	require.Equal(t, m[1], m[2])
	require.Contains(t, string(out), "cut 1 of 2 connections")
}
