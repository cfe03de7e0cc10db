//go:build linux

package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// disaster leaves Telegraf running, the store sound and the disk with room.
type disaster struct {
	name   string
	strike func(*run)
}

// processes are what can happen to Telegraf and to the plugin.
var processes = []disaster{
	{"Telegraf is stopped", (*run).terminate},
	{"Telegraf is reloaded", (*run).reload},
	{"kill -9 of Telegraf", (*run).killTelegraf},
	{"kill -9 of both", (*run).killBoth},
}

// disasters draws one to three. The first is one of the store where it has any.
func (r *run) disasters() []disaster {
	process := processes
	if r.mode != tracked {
		process = append(process, disaster{"kill -9 of the plugin", (*run).killPlugin})
	}
	all := process
	if r.disk {
		all = append(all, disaster{"the disk is full", (*run).fillDisk})
	}
	var drawn []disaster
	for i := range 1 + r.IntN(3) {
		states := r.store.states()
		if len(states) > 0 && (i == 0 || r.IntN(2) == 0) {
			drawn = append(drawn, r.trouble(states[r.IntN(len(states))], process))
			continue
		}
		drawn = append(drawn, all[r.IntN(len(all))])
	}
	return drawn
}

// trouble is one of the store, in the midst of which something may happen to a process too.
func (r *run) trouble(s state, process []disaster) disaster {
	if r.IntN(2) == 0 {
		return disaster{fmt.Sprintf("the store is %s", s), func(r *run) {
			r.store.turn(s)
			r.pause(r.between(3*pace, 9*pace))
			r.store.turn(sound)
		}}
	}
	d := process[r.IntN(len(process))]
	return disaster{fmt.Sprintf("the store is %s; %s", s, d.name), func(r *run) {
		r.store.turn(s)
		r.pause(r.between(pace, 5*pace))
		d.strike(r)
		r.pause(r.between(pace, 3*pace))
		r.store.turn(sound)
	}}
}

func (r *run) terminate() {
	r.stop()
	r.pause(r.between(0, 3*pace))
	r.start()
}

// reload makes Telegraf stop and start everything in one process.
func (r *run) reload() {
	before := r.agent.Log.Count("Loaded outputs")
	require.NoError(r, r.agent.Signal(syscall.SIGHUP))
	r.within(stopMost, "Telegraf loads its configuration again", func() bool { return r.agent.Log.Count("Loaded outputs") > before })
}

// killTelegraf leaves a plugin that is a process of its own an orphan, which ends by itself.
func (r *run) killTelegraf() {
	require.NoError(r, r.agent.Signal(syscall.SIGKILL))
	<-r.agent.Done()
	r.within(20*time.Second, "the plugin ends without Telegraf", func() bool { return len(r.agent.Members()) == 0 })
	r.start()
}

func (r *run) killBoth() {
	r.agent.Kill()
	r.start()
}

const pluginName = "telegraf-decahose"

// killPlugin has execd start another.
func (r *run) killPlugin() {
	pid := 0
	r.within(patience, "a plugin runs", func() bool { pid = r.agent.Child(pluginName); return pid > 0 })
	require.NoError(r, syscall.Kill(pid, syscall.SIGKILL))
	r.within(patience, "another plugin runs", func() bool { next := r.agent.Child(pluginName); return next > 0 && next != pid })
}

// fillDisk leaves no room under state and spool for a while, in which the store may be in trouble too.
func (r *run) fillDisk() {
	ballast := filepath.Join(r.stateRoot(), "ballast")
	fill(r, ballast)
	if states := r.store.states(); len(states) > 0 {
		r.store.turn(states[r.IntN(len(states))])
		defer r.store.turn(sound)
	}
	r.pause(r.between(3*pace, 8*pace))
	require.NoError(r, os.Remove(ballast))
}

// fill writes until nothing more can be written.
func fill(r *run, path string) {
	f, err := os.Create(path)
	require.NoError(r, err)
	for n := 1 << 20; n > 0; {
		if _, err := f.Write(make([]byte, n)); err != nil {
			n /= 2
		}
	}
	require.NoError(r, f.Close())
}
