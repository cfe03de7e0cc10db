//go:build unix

package env

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a program in a process group of its own, with all that it starts.
type Process struct {
	Log  *Log
	cmd  *exec.Cmd
	done chan struct{} // closed when the program was reaped
	err  error         // of Wait; read it after done
	wg   sync.WaitGroup
}

// Start starts argv with env added to this process's environment. Its stderr and stdout go to the
// Log, which copies them to w where w is not nil.
func Start(argv, env []string, w io.Writer) (*Process, error) {
	p := &Process{Log: &Log{copy: w, flat: !TelegrafHas(LevelsSince)}, done: make(chan struct{}), cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.Log, p.Log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 2 * time.Second // a child that keeps stderr open must not keep us
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	p.wg.Go(func() { // ends with the program
		p.err = p.cmd.Wait()
		close(p.done)
	})
	return p, nil
}

// PID is the program's process id, and that of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode is the program's; -1 while it runs, or where a signal ended it.
func (p *Process) ExitCode() int {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Signal sends sig to the program alone, as a service manager does.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Stop sends SIGTERM and waits until the program has ended; how long that took is returned. It is an
// error if it has not ended when ctx is done, ended with a status other than 0, or left a process behind:
// whatever is left is killed.
func (p *Process) Stop(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
		return time.Since(start), fmt.Errorf("stop %s: still running after %v", p.cmd.Path, time.Since(start).Round(time.Millisecond))
	}
	took := time.Since(start)
	if left := p.Members(); len(left) > 0 {
		p.Kill()
		return took, fmt.Errorf("stop %s: left running: %v", p.cmd.Path, left)
	}
	return took, p.err
}

// Kill ends the whole group at once and waits for the program. It may be called at any time.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// Member is a process of the group.
type Member struct {
	PID  int
	Name string
}

// Members are the living processes of the group; none where there is no /proc.
func (p *Process) Members() []Member {
	var all []Member
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		if m, group := parseStat(stat); group == p.PID() {
			all = append(all, m)
		}
	}
	return all
}

// parseStat reads pid, name and process group of /proc/PID/stat; group 0 for a zombie.
func parseStat(stat []byte) (m Member, group int) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return m, 0
	}
	m.PID, _ = strconv.Atoi(strings.TrimSpace(string(stat[:open])))
	m.Name = string(stat[open+1 : end])
	fields := strings.Fields(string(stat[end+1:])) // state ppid pgrp …
	if len(fields) < 3 || fields[0] == "Z" {
		return m, 0
	}
	group, _ = strconv.Atoi(fields[2])
	return m, group
}

// Child is the id of the group's process with that program name; 0 if there is none.
func (p *Process) Child(name string) int {
	for _, m := range p.Members() {
		if m.PID != p.PID() && strings.HasPrefix(name, m.Name) { // the kernel cuts names to 15 bytes
			return m.PID
		}
	}
	return 0
}
