//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/influxdata/telegraf/config"
	"golang.org/x/sys/unix"
)

// enoughLocked is the lockable memory, in bytes, below which Telegraf's protection of secrets is
// switched off: it hangs for ever when a page cannot be locked.
const enoughLocked = 256 << 10

func protectSecrets() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err == nil && limit.Cur < enoughLocked {
		config.DisableSecretProtection()
	}
}

// pollSignals are those that execd can send to ask for the counters.
func pollSignals() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}
}

// ignoreSignals makes a write to a closed pipe an error rather than the end, also on stderr, and
// a read of the terminal by a background job an error rather than a halt.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGTTIN) }
