package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/decahose/telegraf-decahose/internal/testing/env"
)

// product builds the real binary once.
func (b *bench) product() (string, error) {
	if b.binary == "" && b.err == nil {
		b.binary, b.err = env.Build(b.ctx, "cmd/telegraf-decahose", b.dir)
	}
	return b.binary, b.err
}

// tweetMark begins the line of a Tweet, and no line within a Tweet's text.
const tweetMark = "decahose_tweet,kind="

// child is a running program whose stdout is read as it comes.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer
	lines  atomic.Int64 // that begin with mark
	eof    chan struct{}
	wg     sync.WaitGroup
}

// startChild runs argv. Lines that begin with mark are counted; hear, if not nil, gets all of stdout, on
// a goroutine of its own.
func startChild(mark string, hear func([]byte), argv ...string) (*child, error) {
	c := &child{cmd: exec.Command(argv[0], argv[1:]...), eof: make(chan struct{})}
	c.cmd.Stderr = &c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.WaitDelay = time.Second
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	c.wg.Go(func() { // ends with the child's stdout
		defer close(c.eof)
		c.read(out, newCounter(mark), hear)
	})
	return c, nil
}

// read ends with the child's stdout.
func (c *child) read(out io.Reader, lines *counter, hear func([]byte)) {
	buf := make([]byte, 256<<10)
	for {
		n, err := out.Read(buf)
		if hear != nil {
			hear(buf[:n])
		}
		c.lines.Store(lines.take(buf[:n]))
		if err != nil {
			return
		}
	}
}

// counter counts the lines that begin with a mark, however they are cut into reads.
type counter struct {
	mark []byte // with the newline before it
	tail []byte // of what was taken, less than a mark
	n    int64
}

func newCounter(mark string) *counter {
	return &counter{mark: []byte("\n" + mark), tail: []byte("\n")}
}

func (k *counter) take(p []byte) int64 {
	seam := append(k.tail, p[:min(len(p), len(k.mark)-1)]...)
	k.n += int64(bytes.Count(seam, k.mark)) + int64(bytes.Count(p, k.mark))
	if len(p) >= len(k.mark)-1 {
		seam = p
	}
	k.tail = append(k.tail[:0], seam[max(0, len(seam)-len(k.mark)+1):]...)
	return k.n
}

// errStuck: a contender did not come to its end.
var errStuck = errors.New("gave up waiting")

// until polls for a condition, for as long as the child runs.
func (c *child) until(what string, limit time.Duration, holds func() bool) error {
	deadline := time.Now().Add(limit)
	for !holds() {
		select {
		case <-c.eof:
			if holds() {
				return nil
			}
			return fmt.Errorf("wait for %s: %s ended early: %s", what, c.cmd.Path, c.said())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for %s: %w: %s", what, errStuck, c.said())
		}
	}
	return nil
}

// said is the end of what the child wrote to stderr. Read it after the child ended, or to explain why not.
func (c *child) said() []byte {
	text := bytes.TrimSpace(c.stderr.Bytes())
	return text[max(0, len(text)-500):]
}

// stop ends the child as execd does and returns the CPU time of it and of all it waited for.
func (c *child) stop() (time.Duration, error) {
	c.stdin.Close()
	timer := time.AfterFunc(10*time.Second, c.kill)
	defer timer.Stop()
	c.wg.Wait()
	if err := c.cmd.Wait(); err != nil {
		return 0, fmt.Errorf("run %s: %w: %s", c.cmd.Path, err, c.said())
	}
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime(), nil
}

// kill ends the child's whole process group.
func (c *child) kill() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }
