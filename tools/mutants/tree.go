package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// tree is the directory of a copy of the working tree. One worker owns it.
type tree string

// copyTree copies the files of a working tree that are tracked, or are neither tracked nor ignored.
func copyTree(ctx context.Context, from, to string) (tree, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = from
	names, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return "", err
		}
	}
	return tree(to), nil
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if os.IsNotExist(err) || err == nil && info.IsDir() {
		return nil // deleted, and not yet so in the index; or a repository of its own
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), fs.ModePerm); err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}

// kill makes the edit, tests, and takes it back.
func (t tree) kill(ctx context.Context, m *mutant) (verdict, by string) {
	if err := t.apply(ctx, m.path); err != nil {
		return unapplied, err.Error()
	}
	text, err := t.test(ctx, m.command)
	if err := t.apply(ctx, m.path, "--reverse"); err != nil {
		return stuck, "cannot be taken back: " + err.Error()
	}
	return judge(text, err)
}

// apply takes the patch of the working tree to the copy.
func (t tree) apply(ctx context.Context, patch string, options ...string) error {
	path, err := filepath.Abs(patch)
	if err != nil {
		return err
	}
	git := t.command(ctx, "git", append([]string{"apply", path}, options...)...)
	// No repository above the copy may claim it: git would skip what is not that one's.
	git.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(string(t)))
	if text, err := git.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

// test runs a command that begins with go. Without paths in what is built, copies share the build cache.
func (t tree) test(ctx context.Context, command string) (string, error) {
	args := append(strings.Fields(command)[1:], "-timeout=2m")
	run := t.command(ctx, cmp.Or(os.Getenv("GO"), "go"), args...)
	run.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath -vet=off"), "GOWORK=off")
	text, err := run.CombinedOutput()
	return string(text), err
}

func (t tree) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = string(t)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // go test ends its children then
	c.WaitDelay = 5 * time.Second
	return c
}

// each does the job for all items, with one worker for each tree.
func each[T any](trees []tree, items []T, job func(tree, *T)) {
	var wg sync.WaitGroup
	queue := make(chan *T)
	for _, t := range trees {
		wg.Go(func() {
			for item := range queue {
				job(t, item)
			}
		})
	}
	for i := range items {
		queue <- &items[i]
	}
	close(queue)
	wg.Wait()
}

// lines lets the trees write to one place, a whole line each.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}
