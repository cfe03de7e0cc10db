//go:build linux

package crash

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// kind is one way to die. When kill returns, somebody was killed, and Telegraf runs.
type kind struct {
	name string
	kill func(*story)
}

// kinds come in turn; the first ten are what CI sees.
var kinds = []kind{
	{"kill -9 of the plugin", (*story).killPlugin},
	{"ids written, not synced", at("ids-written", 3)},
	{"kill -9 of Telegraf", (*story).killTelegraf},
	{"written to the sink", at("sink-written", 100)},
	{"state truncated at a page boundary", damaging((*story).truncate)},
	{"rows written, not committed", at("rows-written", 3)},
	{"kill -9 of both", (*story).killBoth},
	{"full disk", (*story).fullDisk},
	{"bits of the state flipped", damaging((*story).flip)},
	{"rows committed while Telegraf stands still, then kill -9 of it", (*story).killUnread},
	{"ids synced", at("ids-synced", 3)},
	{"before the sink", at("sink-begun", 100)},
	{"SIGSTOP of the plugin, then kill -9", (*story).freezePlugin},
	{"before the commit", at("commit-begun", 3)},
	{"rows committed", at("rows-committed", 3)},
	{"SIGSTOP of Telegraf, kill -9 of the plugin that waits for it", (*story).jam},
	{"while the orderly stop makes a backup", (*story).killBackup},
	{"a new ledger built beside the damaged one", rebuilding("ledger-built")},
	{"the damaged ledger set aside", rebuilding("ledger-set-aside")},
}

func (s *story) killPlugin() {
	s.pause(8 * time.Second)
	pid := s.plugin()
	s.signal(pid, syscall.SIGKILL)
	s.goOn(pid)
}

// killTelegraf leaves the plugin an orphan, which ends by itself.
func (s *story) killTelegraf() {
	s.pause(8 * time.Second)
	require.NoError(s, s.agent.Signal(syscall.SIGKILL))
	<-s.agent.Done()
	s.within(10*time.Second, "the plugin ends without Telegraf", func() bool { return len(s.agent.Members()) == 0 })
	s.life().killed = true
	s.start()
}

func (s *story) killBoth() {
	s.pause(8 * time.Second)
	s.endBoth()
	s.start()
}

func (s *story) endBoth() {
	s.agent.Kill()
	s.life().killed = true
}

// freezePlugin makes X wait: what was sent meanwhile is in no process when the plugin dies.
func (s *story) freezePlugin() {
	pid := s.plugin()
	s.signal(pid, syscall.SIGSTOP)
	s.pause(5 * time.Second)
	if s.IntN(2) == 0 {
		s.signal(pid, syscall.SIGCONT)
		s.pause(time.Second)
	}
	s.signal(pid, syscall.SIGKILL)
	s.goOn(pid)
}

// jam fills the pipe, so that the plugin dies in the middle of a line.
func (s *story) jam() {
	pid := s.plugin()
	s.signal(s.agent.PID(), syscall.SIGSTOP)
	<-time.After(4 * time.Second)
	s.signal(pid, syscall.SIGKILL)
	s.signal(s.agent.PID(), syscall.SIGCONT)
	s.goOn(pid)
}

// unreadMost is how long Telegraf may stand still before it is killed: shorter than the settle time, after which the
// plugin believes that what it wrote was read.
const unreadMost = 7 * time.Second

// killUnread kills both when state was just committed, and what the plugin wrote of late was not read.
func (s *story) killUnread() {
	s.pause(time.Second)
	s.signal(s.agent.PID(), syscall.SIGSTOP)
	s.arm("rows-committed", 1)
	ctx, cancel := context.WithTimeout(s.Context(), unreadMost)
	defer cancel()
	if !env.Until(ctx, s.dead) {
		s.Log("no commit in time: killed without one")
		s.disarm()
	}
	s.endBoth()
	s.start()
}

// at dies where the plugin passes a place of the code, at a random passing.
func at(place string, most int) func(*story) {
	return func(s *story) {
		pid := s.plugin()
		s.arm(place, 1+s.IntN(most))
		s.within(patience, "the plugin passes "+place, s.dead)
		s.goOn(pid)
	}
}

func (s *story) crashpoint() string { return s.file("crashpoint") }

// arm orders the death of the process that passes the place for the n-th time.
func (s *story) arm(place string, n int) {
	temp := s.crashpoint() + ".new"
	require.NoError(s, os.WriteFile(temp, fmt.Appendf(nil, "%s %d", place, n), 0o600))
	require.NoError(s, os.Rename(temp, s.crashpoint()))
}

func (s *story) disarm() { _ = os.Remove(s.crashpoint()) } // somebody may have died of it just now

// dead says that somebody died of the order.
func (s *story) dead() bool {
	_, err := os.Stat(s.crashpoint())
	return err != nil
}

// killBackup kills the plugin when its last commit is made and the copy of the ledger is not.
func (s *story) killBackup() {
	s.pause(8 * time.Second)
	s.arm("backup-written", 1)
	s.stop()
	require.True(s, s.dead(), "there was no backup")
	s.life().killed = true // of the plugin that is: its last word was not heard
	s.start()
}

// damaging kills both and damages the state before the next life.
func damaging(damage func(*story)) func(*story) {
	return func(s *story) {
		s.within(patience, "ids are stored", s.stored)
		s.pause(8 * time.Second)
		s.endBoth()
		damage(s)
		s.life().damaged = true
		s.start()
	}
}

// stored says that there is a state to damage. Without any the next start is a first one, and asks for nothing.
func (s *story) stored() bool {
	all, _ := filepath.Glob(filepath.Join(s.state(), "ids", "*.ids"))
	return slices.ContainsFunc(all, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
}

const page = 4096

func (s *story) truncate() {
	path, size := s.someFile()
	at := page * s.Int64N((size+page-1)/page)
	s.Logf("%s is cut from %d to %d bytes", filepath.Base(path), size, at)
	require.NoError(s, os.Truncate(path, at))
}

func (s *story) flip() {
	path, size := s.someFile()
	b, err := os.ReadFile(path)
	require.NoError(s, err)
	for range 8 {
		b[s.Int64N(size)] ^= 1 << s.IntN(8)
	}
	s.Logf("8 bits of %s are flipped", filepath.Base(path))
	require.NoError(s, os.WriteFile(path, b, 0o600))
}

// someFile is a file of the state that is not empty.
func (s *story) someFile() (path string, size int64) {
	for size == 0 {
		files := s.stateFiles()
		path = files[s.IntN(len(files))]
		info, err := os.Stat(path)
		require.NoError(s, err)
		size = info.Size()
	}
	return path, size
}

// rebuilding dies while the ledger, whose head and log are gone, is replaced.
func rebuilding(place string) func(*story) {
	return func(s *story) {
		damaging(func(s *story) {
			f, err := os.OpenFile(filepath.Join(s.state(), "ledger.db"), os.O_WRONLY, 0)
			require.NoError(s, err)
			_, err = f.WriteAt([]byte(strings.Repeat("x", 100)), 0)
			require.NoError(s, err)
			require.NoError(s, f.Close())
			require.NoError(s, os.RemoveAll(filepath.Join(s.state(), "ledger.db-wal")))
			s.arm(place, 1)
		})(s)
		s.within(patience, "the plugin passes "+place, s.dead)
	}
}

// diskSize is that of the state's file system where it is one of its own.
const diskSize = "size=8m"

// mountDisk gives the state a small disk of its own, if this process may.
func (s *story) mountDisk() {
	if err := syscall.Mount("tmpfs", s.stateRoot(), "tmpfs", 0, diskSize); err != nil {
		s.Logf("no disk to fill, mounting one needs root: %v", err)
		return
	}
	s.Cleanup(func() { require.NoError(s, syscall.Unmount(s.stateRoot(), syscall.MNT_DETACH)) })
}

// fullDisk kills the plugin while nothing can be written; nobody can start before there is room again. Tweets
// land all the same. Without a disk of its own it is a kill like others.
func (s *story) fullDisk() {
	if !s.ownDisk() {
		s.Log("the disk is not filled: it is not ours")
		s.killPlugin()
		return
	}
	ballast := filepath.Join(s.stateRoot(), "ballast")
	s.fill(ballast)
	s.within(patience, "the log tells of the full disk", func() bool { return s.agent.Log.Count("cannot write state") > 0 })
	size := s.landing()
	s.within(patience, "Tweets land with a full disk", func() bool { return s.landing() > size })
	pid := s.plugin()
	s.signal(pid, syscall.SIGKILL)
	s.within(patience, "no plugin starts on a full disk", func() bool { return s.agent.Log.Count("state_directory") > 0 })
	require.NoError(s, os.Remove(ballast))
	s.goOn(pid)
}

func (s *story) ownDisk() bool {
	var root, state syscall.Stat_t
	require.NoError(s, syscall.Stat(s.dir, &root))
	require.NoError(s, syscall.Stat(s.stateRoot(), &state))
	return root.Dev != state.Dev
}

// fill writes until nothing more can be written.
func (s *story) fill(path string) {
	f, err := os.Create(path)
	require.NoError(s, err)
	for n := 1 << 20; n > 0; {
		if _, err := f.Write(make([]byte, n)); err != nil {
			n /= 2
		}
	}
	require.NoError(s, f.Close())
}
