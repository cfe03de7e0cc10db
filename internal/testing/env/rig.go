//go:build unix

package env

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Root is the project's directory: the nearest one upwards that holds a go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find project root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("find project root: no go.mod above the working directory")
		}
		dir = up
	}
}

// Build builds one of this project's commands (its path from the root) into dir and returns the binary.
// flags go to go build. With RIG_RACE in the environment it is built with the race detector, unless they say -race=false.
func Build(ctx context.Context, command, dir string, flags ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, filepath.Base(command))
	args := []string{"build", "-o", binary}
	if os.Getenv("RIG_RACE") != "" {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(append(args, flags...), "./"+command)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, out)
	}
	return binary, nil
}

// Binaries are the stock Telegraf, and this project's plugin, built into dir with flags as Build takes them.
func Binaries(ctx context.Context, dir string, flags ...string) (telegraf, plugin string, err error) {
	if telegraf, err = Telegraf(ctx, os.Stderr); err != nil {
		return "", "", err
	}
	plugin, err = Build(ctx, "cmd/telegraf-decahose", dir, flags...)
	return telegraf, plugin, err
}

// FreeAddress is one of loopback that nobody listens on. Its port lies below those that the system hands out
// itself (from 32768 up on Linux), so that no other process is given it while nobody listens there yet.
func FreeAddress() (string, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}

// lock takes an exclusive lock on a file, between processes, and returns what releases it. The wait
// ends only with the lock's holder: a build of Telegraf may take minutes.
func lock(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("take lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
